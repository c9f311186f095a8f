-- The change log and what hangs on it. Installed on every node by cluster/mesh/build.py; safe to run again.
-- {node}, {app_role} and {cluster_id} are filled in by the installer; only the first differs between nodes.
create schema if not exists mesh;

create or replace function mesh.me() returns smallint
    language sql immutable parallel safe as 'select {node}::smallint';

create table if not exists mesh.node (           -- who is or was in the mesh, this node included
    node smallint primary key check (node between 1 and 15),
    name text not null unique,
    state text not null default 'member' check (state in ('member', 'evicted'))
);

-- What each node last said of itself (mesh.beat). Each row is replicated from its own node, in commit order with that
-- node's changes: who has the beat has everything that the beat speaks of.
create table if not exists mesh.heartbeat (
    node smallint primary key,
    at timestamptz not null default '-infinity',
    low bigint not null default 0,               -- no change of this node with hlc <= low comes after this beat
    settled bigint not null default 0,           -- the same by number: none with seq <= settled
    heard jsonb not null default '{}'            -- origin -> its low as this node has it
);
create table if not exists mesh.unsettled (      -- this node's own, for the next beats: once all transactions below
    one boolean primary key default true check (one), -- `horizon` have ended, all numbers up to `seq` are settled
    seq bigint not null default 0, horizon xid8 not null default '0'
);
insert into mesh.unsettled default values on conflict do nothing;

-- This start of Postgres was compared with the peers and may take writes (docs/operations/members.md).
create table if not exists mesh.gate (
    one boolean primary key default true check (one),
    started timestamptz not null
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
    primary key (origin, seq, hlc)
) partition by range (hlc);                      -- dropped by the partition once all members have it: mesh.prune()
create index if not exists change_by_key on mesh.change (tbl, key, hlc, origin);
-- What has no partition of its own: a peer's clock may be far ahead, and a change must always find a place.
create table if not exists mesh.change_rest partition of mesh.change default;
create sequence if not exists mesh.change_seq owned by mesh.change.seq;

-- Rows that can't be in their table now although the log says so, and keys to look at again.
create table if not exists mesh.parked (
    tbl text not null,
    key text not null,
    reason text not null check (reason in ('clash', 'orphan', 'unborn', 'table', 'column', 'error', 'schema', 'recheck')),
    detail text,
    row jsonb,                                   -- the whole row, if it is alive
    since timestamptz not null default clock_timestamp(),
    horizon xid8,                                -- recheck: settle once all transactions below this have ended
    primary key (tbl, key)
);

create table if not exists mesh.conflict (       -- concurrent changes of one row of which one lost something
    loser_origin smallint not null, loser_seq bigint not null,
    winner_origin smallint, winner_seq bigint,   -- null: the change that won is no longer in the log
    tbl text not null, key text not null,
    noticed_at timestamptz not null default clock_timestamp(),
    -- copies, since the log is pruned
    loser_hlc bigint not null, loser_kind "char" not null, loser_row jsonb, loser_actor text,
    winner_hlc bigint, winner_kind "char", winner_row jsonb, winner_actor text,
    primary key (loser_origin, loser_seq)
);

create table if not exists mesh.version (        -- versions that the log no longer holds and an order still needs
    tbl text not null, key text not null, hlc bigint not null, origin smallint not null,
    primary key (tbl, key)
);

create table if not exists mesh.replicated (     -- which tables take part
    tbl text primary key,                        -- the table's name when it was born: survives renames
    rel oid unique,                              -- null once dropped
    key_columns text[] not null,
    key_sql text not null,                       -- the key's text form of a row aliased t
    decode_sql text not null,                    -- a row (aliased t) from a jsonb of text forms in $1
    columns jsonb,                               -- number -> name as it was last seen, in the table with this oid:
    columns_rel oid,
    late boolean not null default false          -- it has uniques or exclusions that may wait for the commit
);
alter table mesh.replicated add column if not exists late boolean not null default false;
create table if not exists mesh.added (          -- columns added later, and what rows older than them have there
    tbl text not null, name text not null, value text,
    primary key (tbl, name)
);
-- What columns are called now that changes in the log know by another name; null: dropped. A column whose own name older changes
-- use for another one has a name of its own in the log, name~2 and so on: its row here leads back (mesh.name_in_log).
create table if not exists mesh.renamed (
    tbl text not null, name text not null, now text,
    primary key (tbl, name)
);
alter table mesh.renamed alter column now drop not null;

create table if not exists mesh.reference (      -- foreign keys between replicated tables
    tbl text not null, name text not null,       -- the table that refers, and its constraint
    columns text[] not null,
    to_tbl text not null, to_rel text not null, to_columns text[] not null,
    cyclic boolean not null default false,       -- the other table refers back to this one, directly or not
    primary key (tbl, name)
);
create index if not exists reference_by_parent on mesh.reference (to_tbl);

-- Everything older than this is no longer in the log.
create sequence if not exists mesh.pruned_to minvalue 0 start 0;

-- Highest clock ever received that was ahead of ours: our own clock never falls behind it.
create sequence if not exists mesh.clock_floor minvalue 0 start 0;

create or replace function mesh.pruned() returns bigint language sql volatile as 'select last_value from mesh.pruned_to';

-- Name of a table's static function; Postgres cuts names at 63 bytes.
create or replace function mesh.function_name(what text, tbl text) returns text language sql immutable as
$$ select what || '_' || case when octet_length(tbl) > 50 then md5(tbl) else tbl end $$;

create or replace function mesh.columns_of(rel oid)
returns table (name text, type text, fallback text, num smallint) language sql stable as $$
    select a.attname::text, format_type(a.atttypid, a.atttypmod), pg_get_expr(d.adbin, d.adrelid), a.attnum
    from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where a.attrelid = rel and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
    order by a.attnum
$$;

-- A single key column that can hold any text: '*' is the key of truncates, so that a row's own '*…' gets one more.
create or replace function mesh.escaped(key text) returns text language sql immutable as
$$ select case when key like '*%' then '*' || key else key end $$;
create or replace function mesh.unescaped(key text) returns text language sql immutable as
$$ select case when key like '*%' then substr(key, 2) else key end $$;

create or replace function mesh.clock() returns bigint language sql volatile as
$$ select (extract(epoch from clock_timestamp()) * 1000000)::bigint $$;

create or replace function mesh.next_hlc() returns bigint language sql volatile as
$$ select greatest(mesh.clock(), (select last_value + 1 from mesh.clock_floor)) $$;

create or replace function mesh.raise_floor(h bigint) returns void language plpgsql as $$
begin
    if (select last_value from mesh.clock_floor) >= h then
        return;
    end if;
    perform pg_advisory_lock(hashtext('mesh.clock_floor')); -- not for the transaction: a long one would hold up all others
    if (select last_value from mesh.clock_floor) < h then
        perform setval('mesh.clock_floor', h);
    end if;
    perform pg_advisory_unlock(hashtext('mesh.clock_floor'));
end $$;

create or replace function mesh.received_hlc(h bigint) returns void language plpgsql as $$
begin
    if h > mesh.clock() then                     -- rare: the sender's clock is ahead
        perform mesh.raise_floor(h);
    end if;
end $$;
