#!/bin/sh
# A customer's whole way with curl alone: from signing up to rows in a stream, what was rejected, cancel and resume, and
# out again. It is a test, which `cargo test -p tests --test service` runs, and a tour of the API: read it from top to bottom.
#
# It wants a service, the simulator in place of AWS, and a PostgreSQL with two tables (tests/service/curl.rs has them):
#   articles (id bigint primary key, title text, body text): at least 10 rows, of which 2 have a body of more than 5,000 letters
#   orders (id bigint primary key, amount numeric): 20,000 rows
#
# Beside curl it uses node, and that only to pick members out of JSON.
set -eu

: "${ROWCAST:?the address of the service, such as http://127.0.0.1:8080}"
: "${SIMULATOR:?the address of the simulator, such as http://127.0.0.1:4567}"
: "${DB_HOST:?}" "${DB_PORT:?}" "${DB_NAME:?}" "${DB_USER:?}" "${DB_PASSWORD:?}"
REGION=eu-central-1
STREAM=items            # exists already
ACCOUNT=000000000000    # of the simulator

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' TERM

# --- Tools ---------------------------------------------------------------------------------------------------------

step() { printf '\n== %s\n' "$*"; }
say() { printf '   %s\n' "$*"; }
# Ends the script, from within $(..) too.
fail() {
    printf '\nFAILED: %s\n' "$*" >&2
    kill -s TERM $$
    exit 1
}

# call METHOD PATH STATUS [BODY]: sends a request with the credentials in $auth, and expects that status. The answer is then
# in $work/body, its head in $work/head. More arguments of curl can be given in $more, for one call.
more=
call() {
    method=$1 path=$2 expected=$3
    set -- --silent --show-error --max-time 60 --request "$method" --output "$work/body" --dump-header "$work/head" \
        --write-out '%{http_code}' ${4+--header "Content-Type: application/json" --data-binary "$4"} "$ROWCAST$path"
    : >"$work/body"
    # shellcheck disable=SC2086 # each word of $more is an argument
    status=$(curl $more --config "$work/auth" "$@") || fail "$method $path: no answer"
    more=
    [ "$status" = "$expected" ] || fail "$method $path: expected $expected, got $status with
$(cat "$work/body")"
}

# pick EXPRESSION: a JavaScript expression over the answer `a`; what is no text is printed as JSON.
pick() {
    node -e '
        const a = JSON.parse(require("fs").readFileSync(process.argv[1], "utf8"));
        const found = new Function("a", "return " + process.argv[2])(a);
        if (found === undefined) { console.error("there is no " + process.argv[2]); process.exit(1); }
        console.log(typeof found === "string" ? found : JSON.stringify(found));
    ' "$work/body" "$1" || fail "$1 of $(cat "$work/body")"
}

# check EXPRESSION: the answer has to be so.
check() { [ "$(pick "Boolean($1)")" = true ] || fail "not true: $1, of $(cat "$work/body")"; }

# header NAME: of the last answer.
header() { tr -d '\r' <"$work/head" | sed -n "s/^$1: //Ip"; }

# job PATH [BODY]: work that a worker does on your hosts. The API waits up to ?wait seconds; slower ones are asked for again.
job() {
    set -- "$1?wait=20" "${2-}"
    if [ -n "$2" ]; then call POST "$1" 200 "$2"; else call POST "$1" 200; fi
    [ "$(pick a.state)" = succeeded ] || fail "the job: $(cat "$work/body")"
}

# watch RUN: shows a run by its server-sent events, until it has ended; the run as it ended is then the answer.
watch() {
    curl --silent --show-error --no-buffer --max-time 120 --config "$work/auth" --header 'Accept: text/event-stream' \
        "$ROWCAST$W/runs/$1/stream" | tee "$work/events" | sed -n 's/^data: /   | /p' | cut -c 1-150
    [ "$(sed -n 's/^event: //p' "$work/events" | tail -n 1)" = ended ] || fail "the stream did not end with the run's end:
$(cat "$work/events")"
    sed -n 's/^data: //p' "$work/events" | tail -n 1 >"$work/body"
}

# Credentials are arguments in a file, so that no other user of this machine sees them among the processes.
with_cookie() { printf 'cookie = "%s"\ncookie-jar = "%s"\n' "$work/jar" "$work/jar" >"$work/auth"; }
with_key() { printf 'header = "Authorization: Bearer %s"\n' "$1" >"$work/auth"; }

# --- Sign up -------------------------------------------------------------------------------------------------------

step "Sign up: a person, signed in by a cookie, and a first workspace"
umask 077
: >"$work/jar"
with_cookie
email="ann-$$@example.com"
call POST /v1/sign-up 201 "{\"email\": \"$email\", \"password\": \"four words and a comma\", \"workspace_name\": \"Shop $$\"}"
workspace=$(pick a.workspace_id)
W=/v1/workspaces/$workspace
grep -q __Host-rowcast_session "$work/jar" || fail "curl kept no session: $(cat "$work/jar")"
call GET /v1/me 200
say "$(pick a.email) owns $workspace"

step "An API key: shown this once. An editor may do all that follows, but not manage people and keys"
call POST "$W/api-keys" 201 '{"name": "tour", "role": "editor"}'
key_id=$(pick a.api_key.id)
key=$(pick a.key)
with_key "$key"
say "$key_id, which ends with $(pick a.api_key.hint)"
call POST "$W/api-keys" 403 '{"name": "more", "role": "editor"}'
say "a second key by this key: $(pick a.code)"

# --- Where rows come from ------------------------------------------------------------------------------------------

step "A source: PostgreSQL. The password goes in and never comes out"
source_body="{\"name\": \"shop database\", \"postgres\": {\"host\": \"$DB_HOST\", \"port\": $DB_PORT, \"database\": \"$DB_NAME\",
    \"user\": \"$DB_USER\", \"password\": \"$DB_PASSWORD\", \"tls\": \"disable\"}}"
# With an Idempotency-Key, a request whose answer got lost can simply be sent again.
more="--header Idempotency-Key:source-$$"
call POST "$W/sources" 201 "$source_body"
source=$(pick a.id)
say "$source, password: $(pick a.postgres.password)"
if grep -q -e "$DB_PASSWORD" "$work/body"; then fail "the password came out: $(cat "$work/body")"; fi
more="--header Idempotency-Key:source-$$"
call POST "$W/sources" 201 "$source_body"
[ "$(pick a.id) $(header idempotency-replayed)" = "$source true" ] || fail "a second source was made"
say "sent again: the first answer comes again"

step "Test it: a worker connects, the API waits for its answer"
job "$W/sources/$source/test"
say "$(pick a.result)" | cut -c 1-150
job "$W/sources/$source/tables"
check 'JSON.stringify(a.result).includes("articles")'
say "a wrong password is told as such:"
call POST "$W/sources" 201 "$(printf %s "$source_body" | sed -e 's/shop database/typo/' -e "s/$DB_PASSWORD/wrong-password/")"
typo=$(pick a.id)
call POST "$W/sources/$typo/test?wait=20" 200
check 'a.state == "failed"'
say "$(pick a.problem.code): $(pick a.problem.detail)"
call DELETE "$W/sources/$typo" 204

step "A model: a query, and the columns that tell rows apart"
call POST "$W/models" 201 "{\"name\": \"articles\", \"source\": \"$source\",
    \"query\": \"select id, title, body from articles\", \"key\": [\"id\"]}"
articles=$(pick a.id)
job "$W/models/$articles/validate"
say "columns: $(pick 'a.result.columns.map(column => column.name).join(", ")')"
check 'a.result.key_check.null_rows == 0 && a.result.key_check.duplicate_keys == 0'
job "$W/models/$articles/preview" '{"rows": 3}'
check 'a.result.rows.length == 3'
say "the first row: $(pick 'a.result.rows[0]')" | cut -c 1-150

# --- Where records go ----------------------------------------------------------------------------------------------

step "What AWS has to be told: a role that trusts the service, on condition of your external id"
call GET "$W/aws-setup?region=$REGION&stream=$STREAM&account=$ACCOUNT&role_name=rowcast-$$" 200
say "external id: $(pick a.external_id)"
say "trust policy: $(pick a.trust_policy)"
role_arn="arn:aws:iam::$ACCOUNT:role/$(pick a.role_name)"
# In AWS one would now apply `terraform` or `cloudformation` of this answer. The simulator takes the policies as they are.
pick "[{arn: '$role_arn', trust_policy: a.trust_policy, permission_policy: a.permission_policy}]" >"$work/role"
curl --silent --show-error --fail-with-body --header 'Content-Type: application/json' \
    --data-binary "@$work/role" "$SIMULATOR/_simulator/roles" || fail "the simulator did not take the role $(cat "$work/role")"

step "A destination with that role"
call POST "$W/destinations" 201 "{\"name\": \"our account\", \"region\": \"$REGION\", \"endpoint\": \"$SIMULATOR\",
    \"credentials\": {\"type\": \"role\", \"role_arn\": \"$role_arn\"}}"
destination=$(pick a.id)

step "Verify it: the role opens to the right external id, and to nothing else"
job "$W/destinations/$destination/verify" "{\"stream\": \"$STREAM\"}"
say "$(pick 'a.result.role')"
check 'a.result.role_verdict == "accepted"'
check 'a.result.role.right.result == "assumed" && a.result.role.without.result == "refused" && a.result.role.wrong.result == "refused"'
say "the stream would take records: $(pick a.result.put)"
call GET "$W/destinations/$destination" 200
check 'a.verification.role_verdict == "accepted"'

step "The streams that it can see"
job "$W/destinations/$destination/streams"
say "$(pick 'a.result.streams.map(stream => stream.name).join(", ")')"
check "a.result.streams.some(stream => stream.name == '$STREAM')"

# --- A sync --------------------------------------------------------------------------------------------------------

step "A sync: which message becomes of a row, and when. What cannot work is refused with its place"
sync_body() { # NAME MODEL MESSAGE-TEMPLATE SCHEDULE
    printf '{"name": "%s", "model": "%s", "destination": "%s", "stream": "%s", "message": {"json": "%s"},
        "partition_key": {"column": "id"}, "limits": {"record_bytes": 4000, "call_records": 100}, "schedule": %s}' \
        "$1" "$2" "$destination" "$STREAM" "$3" "$4"
}
cron='{"type": "cron", "expression": "30 6 * * 1-5", "time_zone": "Europe/Berlin"}'
call POST "$W/syncs" 422 "$(sync_body articles "$articles" '{\"title\": {{ rwo.title }}}' "$cron")"
say "$(pick a.errors)"
message='{\"op\": {{ op }}, \"id\": {{ row.id }}, \"title\": {{ row.title }}, \"body\": {{ row.body }}}'
call POST "$W/syncs" 201 "$(sync_body articles "$articles" "$message" "$cron")"
sync=$(pick a.id)
say "$sync runs next at $(pick 'a.next_fires.join(", ")')"
check 'a.next_fires.length == 5 && a.next_fire_at == a.next_fires[0]'

step "Preview: exactly the records that the next run would send"
job "$W/syncs/$sync/preview" '{"records": 2}'
say "$(pick 'a.result.records[0]')" | cut -c 1-200

step "Run it now, and watch it"
call POST "$W/syncs/$sync/runs" 202 '{"kind": "normal"}'
run=$(pick a.run.id)
watch "$run"
check 'a.state == "succeeded"'

step "Its counts add up"
call GET "$W/runs/$run" 200
say "$(pick a.counts)"
check 'a.counts.planned == a.counts.delivered + a.counts.rejected + a.counts.unanswered + a.counts.deferred'
check 'a.counts.rejected == 2 && a.counts.delivered == a.counts.queried - 2'
check 'a.tallies.rejections["record-too-large"] == 2'

step "What was rejected, and why. The next run tries it again"
call GET "$W/runs/$run/rejections?limit=1" 200
check 'a.items.length == 1 && a.next_cursor'
say "$(pick 'a.items[0].key') $(pick 'a.items[0].code'): $(pick 'a.items[0].message')"
first=$(pick 'a.items[0].key')
call GET "$W/runs/$run/rejections?limit=1&cursor=$(pick a.next_cursor)" 200
check 'a.items.length == 1 && !a.next_cursor'
[ "$(pick 'a.items[0].key')" != "$first" ] || fail "the second page is the first"
call GET "$W/runs/$run/rejections?code=record-too-large" 200
check 'a.items.length == 2'
call GET "$W/runs/$run/rejections?q=nobody-wrote-this" 200
check 'a.items.length == 0'
call GET "$W/runs/$run/rejections/export" 200
say "exported lines: $(wc -l <"$work/body" | tr -d ' ')"
[ "$(grep -c record-too-large "$work/body")" = 2 ] || fail "the export: $(cat "$work/body")"
call GET "$W/runs/$run/invalid-rows" 200
check 'a.items.length == 0'

# --- Cancel, and go on ---------------------------------------------------------------------------------------------

step "A long run: 20,000 rows into a stream that takes its time"
call POST "$W/models" 201 "{\"name\": \"orders\", \"source\": \"$source\", \"query\": \"select id, amount from orders\", \"key\": [\"id\"]}"
orders=$(pick a.id)
call POST "$W/syncs" 201 "$(sync_body orders "$orders" '{\"id\": {{ row.id }}, \"amount\": {{ row.amount }}}' '{"type": "manual"}')"
long=$(pick a.id)
curl --silent --show-error --fail-with-body --header 'Content-Type: application/json' "$SIMULATOR/_simulator/faults" \
    --data-binary "[{\"operation\": \"PutRecords\", \"stream\": \"$STREAM\", \"effect\": {\"latency\": {\"ms\": 400}}}]"
call POST "$W/syncs/$long/runs" 202 '{"kind": "normal"}'
run=$(pick a.run.id)
# Until the first records are acknowledged.
waited=0
while
    call GET "$W/runs/$run" 200
    [ "$(pick '!a.counts || a.counts.delivered == 0')" = true ]
do
    check 'a.state == "queued" || a.state == "running"'
    waited=$((waited + 1))
    [ "$waited" -lt 300 ] || fail "nothing was delivered in a minute: $(cat "$work/body")"
    sleep 0.2
done

step "Cancel it. What was acknowledged is kept"
began=$(date +%s)
call POST "$W/runs/$run/cancel" 200
watch "$run"
took=$(($(date +%s) - began))
check 'a.state == "cancelled"'
[ "$took" -le 10 ] || fail "it took $took s to cancel"
call GET "$W/runs/$run" 200
delivered=$(pick a.counts.delivered)
say "within $took s, with $delivered of 20000 delivered: $(pick a.counts)"
check 'a.counts.delivered > 0 && a.counts.delivered < 20000'

step "Run it again: only the rest is sent"
curl --silent --show-error --fail-with-body --request DELETE "$SIMULATOR/_simulator/faults"
call POST "$W/syncs/$long/runs" 202 '{"kind": "normal"}'
run=$(pick a.run.id)
watch "$run"
call GET "$W/runs/$run" 200
say "$(pick a.counts)"
check 'a.state == "succeeded" && a.counts.queried == 20000'
check "a.counts.unchanged == $delivered && a.counts.delivered == 20000 - $delivered"

step "Pause a sync: it has no next time, and no run starts"
call POST "$W/syncs/$sync/pause" 200
check 'a.paused && a.next_fire_at === null'
call POST "$W/syncs/$sync/runs" 409 '{"kind": "normal"}'
say "$(pick a.detail)"
call POST "$W/syncs/$sync/resume" 200
say "resumed; it runs next at $(pick a.next_fire_at)"
check '!a.paused && a.next_fire_at'

step "The story of a run"
call GET "$W/runs/$run/events" 200
say "$(pick 'a.items.map(event => event.kind).join(", ")')"
check 'a.items.length >= 3 && a.items.at(-1).kind == "ended"'

# --- Out again -----------------------------------------------------------------------------------------------------

step "Delete everything. What is in use stays"
call DELETE "$W/models/$articles" 409
say "$(pick a.detail)"
call GET "$W/syncs/$sync" 200
etag=$(header etag)
call POST "$W/syncs/$sync/pause" 200
more="--header If-Match:$etag"
call DELETE "$W/syncs/$sync" 412
say "deleting what has changed since it was read: $(pick a.code)"
for path in "syncs/$sync" "syncs/$long" "models/$articles" "models/$orders" "destinations/$destination" "sources/$source"; do
    call DELETE "$W/$path" 204
    call GET "$W/$path" 404
done
for list in syncs models destinations sources runs; do
    call GET "$W/$list" 200
    check 'a.items.length == 0'
done

step "Revoke the key, which is worth nothing from then on"
with_cookie
call DELETE "$W/api-keys/$key_id" 204
with_key "$key"
call GET "$W" 401
say "$(pick a.code)"

step "The audit log has it all; then delete the workspace, and sign out"
with_cookie
call GET "$W/audit-entries?limit=200" 200
say "$(pick 'a.items.map(entry => entry.action).join(", ")')" | cut -c 1-300
check 'a.items.some(entry => entry.action == "revoke_api_key")'
call DELETE "$W?name=Shop%20$$" 204
call GET "$W" 404
call POST /v1/sign-out 204
call GET /v1/me 401

step "Done"
