-- Which master keys the data keys of all workspaces need: their names, never what they wrap.
create policy across on data_key to rowcast_cross using (true);
grant select (master_key_id) on data_key to rowcast_cross;
create function master_keys_in_use() returns setof text language sql stable security definer
    set search_path = pg_catalog, public, pg_temp
    begin atomic
        select distinct master_key_id from data_key order by master_key_id;
    end;

-- PostgreSQL lets only those own a function here who may create in the schema.
grant create on schema public to rowcast_cross;
alter function master_keys_in_use() owner to rowcast_cross;
revoke create on schema public from rowcast_cross;
revoke execute on function master_keys_in_use() from public;
grant execute on function master_keys_in_use() to rowcast_app, rowcast_worker;
