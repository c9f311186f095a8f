-- What `clusterctl verify` keeps on each node, in a schema of its own. Nothing here is replicated, and nothing else
-- reads it; `drop schema mesh_verify cascade` costs the next run a full pass.
create schema if not exists mesh_verify;

-- What the last pass found in some blocks of a table. True for as long as those blocks hold the same rows: as many,
-- and with the same sum of xmin. (A row that comes or changes gets an xmin above all that are kept here, see digest().)
create table if not exists mesh_verify.range (
    rel oid not null,
    block bigint not null,                       -- the first one
    shape text not null,                         -- of the rows: columns and types
    rows bigint not null,
    xmins bigint not null,
    digest numeric not null,
    primary key (rel, block)
);

-- What each run damages on some nodes and must find, a table for each kind of damage: none is found by way of another.
-- Never replicated: they are not in schema public.
create table if not exists mesh_verify.pristine (
    id bigint primary key,
    "a name" text, small smallint, amount numeric(12, 3), ratio double precision, at timestamptz, day date, ok boolean,
    tag uuid, raw bytea, doc jsonb, words text[], span interval
);
insert into mesh_verify.pristine
select g, 'row ' || repeat(md5(g::text), 4), (g % 30000)::smallint, (g / 7.0)::numeric(12, 3), (g / 3.0)::double precision,
    timestamptz '2026-01-01 00:00+00' + g * interval '1 minute', date '2026-01-01' + g, g % 2 = 0,
    md5(g::text)::uuid, decode(md5(g::text), 'hex'), jsonb_build_object('n', g, 'sub', jsonb_build_array(g, null)),
    array['w' || g, null], g * interval '1 hour'
from generate_series(1, 1000) g;
create table if not exists mesh_verify.changed (like mesh_verify.pristine including all);
create table if not exists mesh_verify.missing (like mesh_verify.pristine including all);
create table if not exists mesh_verify.extra (like mesh_verify.pristine including all);
insert into mesh_verify.changed table mesh_verify.pristine;
insert into mesh_verify.missing table mesh_verify.pristine;
insert into mesh_verify.extra table mesh_verify.pristine;

-- Keys that a run has damaged and not yet mended.
create table if not exists mesh_verify.planted (id bigint primary key);
create or replace function mesh_verify.restore_scratch() returns void language plpgsql as $$
declare t regclass;
begin
    foreach t in array array['mesh_verify.changed', 'mesh_verify.missing', 'mesh_verify.extra']::regclass[] loop
        execute format('delete from %s where id in (table mesh_verify.planted)', t);
        execute format('insert into %s select * from mesh_verify.pristine where id in (table mesh_verify.planted)', t);
    end loop;
    delete from mesh_verify.planted;
end $$;

-- A column as its hash is made of it: such that equal hashes mean equal bytes on disk, whatever a session's settings.
-- (The hash functions of bigint, numeric, jsonb and others are equal for values that are not: 1 and 2^32, 1.0 and 1.00.)
create or replace function mesh_verify.hashed_column(name text, type oid) returns text language sql as $$
    select format(case
        when type in ('bool'::regtype, 'int2'::regtype, 'int4'::regtype, 'date'::regtype, 'uuid'::regtype, 'bytea'::regtype) then 't.%I'
        when type in ('text'::regtype, 'varchar'::regtype) then 't.%I collate "C"'
        when type = 'int8'::regtype then 'int8send(t.%I)'
        when type = 'numeric'::regtype then 'numeric_send(t.%I)'
        when type = 'timestamp'::regtype then 'timestamp_send(t.%I)'
        when type = 'timestamptz'::regtype then 'timestamptz_send(t.%I)'
        else 't.%I::text' end, name)
$$;

-- The tables to compare, with what their SQL is made of. Rows are aliased t; columns go by name, as their order differs
-- between nodes.
create or replace function mesh_verify.tables()
returns table (tbl text, rel oid, name text, bytes bigint, key_sql text, match_sql text, hash_sql text, text_sql text, shape text)
language sql as $$
    with compared as (
        select r.tbl, r.rel, r.key_sql from mesh.replicated r where r.rel is not null
        union all select s, s::regclass::oid, 't.id::text' from unnest(array['mesh_verify.changed', 'mesh_verify.missing', 'mesh_verify.extra']) s
    ), columns as (
        select c.tbl, c.rel, c.key_sql, k.name, k.type, a.atttypid, array_position(i.indkey::int2[], k.num) as in_key
        from compared c cross join lateral mesh.columns_of(c.rel) k
        join pg_attribute a on a.attrelid = c.rel and a.attnum = k.num
        join pg_index i on i.indrelid = c.rel and i.indisprimary
    )
    select tbl, rel, rel::regclass::text, pg_relation_size(rel), key_sql,
        case when count(in_key) = 1
             then max(format(case when key_sql like 'mesh.escaped(%' then 't.%I = mesh.unescaped(mesh_key)::%s' else 't.%I = mesh_key::%s' end,
                             columns.name, type)) filter (where in_key is not null)
             else string_agg(format('t.%I = (mesh_key::jsonb->>%s)::%s', columns.name, in_key, type), ' and ' order by in_key) filter (where in_key is not null) end,
        'hash_record_extended(row(' || string_agg(mesh_verify.hashed_column(columns.name, atttypid), ', ' order by columns.name collate "C") || '), 0)',
        mesh.encode_sql(rel, 't'),
        md5(string_agg(columns.name || ' ' || type, ', ' order by columns.name collate "C"))
    from columns group by tbl, rel, key_sql
$$;

-- Number of rows and sum of their hashes, of all that this transaction's snapshot sees. Blocks in which nothing happened
-- since the pass before are only counted, not hashed, unless `afresh`. The transaction must be REPEATABLE READ.
create or replace function mesh_verify.digest(a_rel oid, a_shape text, hash_sql text, afresh boolean,
                                              out rows bigint, out digest numeric, out hashed bigint)
language plpgsql as $$
declare
    step constant int := 64;                     -- blocks: some thousand rows
    blocks bigint := pg_relation_size(a_rel) / current_setting('block_size')::bigint;
    next_xid bigint := age('3'::xid)::bigint + 3;
    -- Only rows older than whatever was in flight are kept. So each xmin that comes later is above each that it
    -- replaces, and no replacement leaves the sum as it was.
    in_flight int := age(pg_snapshot_xmin(pg_current_snapshot())::xid);
    counting text := format('select count(*), coalesce(sum(age(t.xmin)), 0) from only %s t where t.ctid >= $1 and t.ctid < $2', a_rel::regclass);
    hashing text := format('select count(*), coalesce(sum(age(t.xmin)), 0), coalesce(sum(%s), 0), min(age(t.xmin)) from only %s t where t.ctid >= $1 and t.ctid < $2',
        hash_sql, a_rel::regclass);
    first bigint := 0; kept mesh_verify.range; low tid; high tid; n bigint; ages bigint; d numeric; newest int;
begin
    rows := 0; digest := 0; hashed := 0;
    while first < blocks loop
        low := format('(%s,0)', first)::tid;
        high := format('(%s,0)', first + step)::tid;
        d := null;
        select * into kept from mesh_verify.range r where r.rel = a_rel and r.block = first and r.shape = a_shape;
        if found and not afresh then
            execute counting into n, ages using low, high;
            if n = kept.rows and n * next_xid - ages = kept.xmins then
                d := kept.digest;
            end if;
        end if;
        if d is null then
            execute hashing into n, ages, d, newest using low, high;
            hashed := hashed + n;
            if newest > in_flight then
                insert into mesh_verify.range values (a_rel, first, a_shape, n, n * next_xid - ages, d)
                    on conflict (rel, block) do update set shape = excluded.shape, rows = excluded.rows, xmins = excluded.xmins, digest = excluded.digest;
            else
                delete from mesh_verify.range r where r.rel = a_rel and r.block = first;
            end if;
        end if;
        rows := rows + n;
        digest := digest + d;
        first := first + step;
    end loop;
    delete from mesh_verify.range r where r.rel = a_rel and r.block >= first;
end $$;

-- A line in this node's Postgres log, for what is done past the change log.
create or replace function mesh_verify.log_line(line text) returns void language plpgsql as $$
begin
    raise log '%', line;
end $$;
