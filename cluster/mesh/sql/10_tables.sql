-- The change log and what hangs on it. Installed on every node by cluster/mesh/build.py; safe to run again.
-- {node}, {app_role} and {cluster_id} are filled in by the installer; only the first differs between nodes.
create schema if not exists mesh;

create or replace function mesh.me() returns smallint
    language sql immutable parallel safe as 'select {node}::smallint';

create table if not exists mesh.node (           -- members of the mesh, this node included
    node smallint primary key check (node between 1 and 15),
    name text not null unique
);

-- Every change of every replicated row, and every schema change, of all nodes. Insert only.
-- It alone is replicated (own origin only); everything else in this schema is derived from it.
create table if not exists mesh.change (
    origin smallint not null,                    -- node that made the change
    seq bigint not null,                         -- its number there; names the change in positions
    hlc bigint not null,                         -- hybrid logical clock, microseconds
    tbl text not null,                           -- mesh.replicated.tbl; '' for schema changes
    key text not null,                           -- primary key as text; '*' for truncate
    kind "char" not null check (kind in ('I', 'U', 'D', 'T', 'S')),
    row jsonb,                                   -- column -> value in its text form; U: changed columns only; D: the old row
    prev_hlc bigint, prev_origin smallint,       -- newest version of the row that the writer had seen
    txn bigint not null,                         -- transaction on the origin
    actor text, request text,
    primary key (origin, seq)
);
create index if not exists change_by_key on mesh.change (tbl, key, hlc, origin);
create sequence if not exists mesh.change_seq owned by mesh.change.seq;

-- Rows that can't be in their table now although the log says so, and keys to look at again.
create table if not exists mesh.parked (
    tbl text not null,
    key text not null,
    reason text not null check (reason in ('clash', 'unborn', 'table', 'column', 'error', 'schema', 'recheck')),
    detail text,
    row jsonb,                                   -- the whole row, where it was taken out of its table
    since timestamptz not null default clock_timestamp(),
    horizon xid8,                                -- recheck: settle once all transactions below this have ended
    primary key (tbl, key)
);

create table if not exists mesh.conflict (       -- concurrent changes of one row of which one lost something
    loser_origin smallint not null, loser_seq bigint not null,
    winner_origin smallint not null, winner_seq bigint not null,
    tbl text not null, key text not null,
    noticed_at timestamptz not null default clock_timestamp(),
    primary key (loser_origin, loser_seq)
);

create table if not exists mesh.replicated (     -- which tables take part
    tbl text primary key,                        -- the table's name when it was born: survives renames
    rel oid unique,                              -- null once dropped
    key_columns text[] not null,
    key_sql text not null,                       -- the key's text form of a row aliased t
    decode_sql text not null                     -- a row (aliased t) from a jsonb of text forms in $1
);

-- Highest clock ever received that was ahead of ours: our own clock never falls behind it.
create sequence if not exists mesh.clock_floor minvalue 0 start 0;

create or replace function mesh.clock() returns bigint language sql volatile as
$$ select (extract(epoch from clock_timestamp()) * 1000000)::bigint $$;

create or replace function mesh.next_hlc() returns bigint language sql volatile as
$$ select greatest(mesh.clock(), (select last_value + 1 from mesh.clock_floor)) $$;

create or replace function mesh.received_hlc(h bigint) returns void language plpgsql as $$
begin
    if h > mesh.clock() then                     -- rare: the sender's clock is ahead
        perform pg_advisory_xact_lock(hashtext('mesh.clock_floor'));
        if (select last_value from mesh.clock_floor) < h then
            perform setval('mesh.clock_floor', h);
        end if;
    end if;
end $$;
