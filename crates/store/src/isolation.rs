//! What a process checks of the database before it serves: that it is this version's, and that no table of a workspace can
//! be read from another.

use crate::error::database;
use crate::pool::MIGRATIONS;
use crate::{Error, Store};

impl Store {
    /// Refuses a database on which a workspace's data would not be kept apart: a table without forced row-level security
    /// or with another policy, a view or a function that runs with its owner's rights, a login that policies do not hold for.
    pub async fn check_isolation(&self) -> Result<(), Error> {
        let faults = sqlx::query_scalar!(
            "select format('the table %s has no forced row-level security', c.relname) as \"fault!\"
             from pg_class c
             where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'f')
               and (c.relname = 'workspace' or exists (
                       select from pg_attribute a
                       where a.attrelid = c.oid and a.attname = 'workspace_id' and not a.attisdropped))
               and not (c.relrowsecurity and c.relforcerowsecurity)
             union all
             select format('the table %s has no policy that keeps workspaces apart', c.relname)
             from pg_class c
             where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'f')
               and (c.relname = 'workspace' or exists (
                       select from pg_attribute a
                       where a.attrelid = c.oid and a.attname = 'workspace_id' and not a.attisdropped))
               and not exists (select from pg_policy p where p.polrelid = c.oid and p.polname = 'workspace')
             union all
             select format('the policy %s of the table %s lets more through than one workspace', p.polname, c.relname)
             from pg_policy p join pg_class c on c.oid = p.polrelid
             where p.polroles <> array['rowcast_cross'::regrole::oid]
               and (pg_get_expr(p.polqual, p.polrelid) is distinct from
                        case c.relname when 'workspace' then '(id = current_workspace())'
                                       else '(workspace_id = current_workspace())' end
                    or pg_get_expr(p.polwithcheck, p.polrelid) is distinct from pg_get_expr(p.polqual, p.polrelid))
             union all
             select format('the view %s runs with the rights of its owner', c.relname)
             from pg_class c
             where c.relnamespace = 'public'::regnamespace and c.relkind in ('v', 'm')
               and (c.relkind = 'm' or not coalesce('security_invoker=true' = any (c.reloptions), false))
             union all
             select format('the function %s runs with the rights of %s', p.oid::regprocedure, p.proowner::regrole)
             from pg_proc p
             where p.pronamespace = 'public'::regnamespace and p.prosecdef
               and p.proowner <> 'rowcast_cross'::regrole
             union all
             select 'the function current_workspace, which policies ask, is not the one of the migrations'
             where (select pg_get_function_sqlbody(p.oid) from pg_proc p
                    where p.pronamespace = 'public'::regnamespace and p.proname = 'current_workspace')
                 is distinct from
                 'RETURN (NULLIF(current_setting(''rowcast.workspace''::text, true), ''''::text))::uuid'
             union all
             select format('the role %s is not held by policies', r.rolname)
             from pg_roles r where r.rolname = current_user and (r.rolsuper or r.rolbypassrls)
             union all
             select format('the role %s is a member of rowcast_cross', current_user)
             where pg_has_role(current_user, 'rowcast_cross', 'usage')"
        )
        .fetch_all(&self.pool)
        .await
        .map_err(database("check its policies"))?;
        if faults.is_empty() { Ok(()) } else { Err(Error::NotIsolated(faults.join("; "))) }
    }

    /// Refuses a login that policies do not hold for. The role that a connection takes on holds it back only until something
    /// says `reset role`. Where the login is of the same hands as the data, as with a private database, that is no matter.
    pub async fn check_login(&self) -> Result<(), Error> {
        let above = sqlx::query!(
            "select rolname::text as \"login!\", rolsuper as \"superuser!\" from pg_roles
             where rolname = session_user and (rolsuper or rolbypassrls)"
        )
        .fetch_optional(&self.pool)
        .await
        .map_err(database("check its login"))?;
        above.map_or(Ok(()), |row| Err(Error::LoginAbovePolicies { login: row.login, superuser: row.superuser }))
    }

    /// Refuses a schema that is older or newer than what this process was built for.
    pub async fn check_schema(&self) -> Result<(), Error> {
        let applied = sqlx::query_scalar!("select schema_version()").fetch_one(&self.pool).await;
        let applied = applied.map_err(database("tell its schema's version"))?.unwrap_or_default();
        let wanted = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or_default();
        if applied == wanted { Ok(()) } else { Err(Error::Schema { applied, wanted }) }
    }

    /// That the database answers at all.
    pub async fn ping(&self) -> Result<(), Error> {
        sqlx::query_scalar!("select 1").fetch_one(&self.pool).await.map(|_| ()).map_err(database("answer"))
    }
}
