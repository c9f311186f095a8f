-- The log's partitions: made ahead, and dropped once every member has all of it.

-- Partitions of so many hours, for now and the next one. Returns how many were made. Takes a short lock only.
create or replace function mesh.make_partitions(hours int) returns int language plpgsql
set search_path = pg_catalog, pg_temp as $$
declare width bigint := hours * 3600 * 1000000::bigint; this bigint := (mesh.clock() / width) * width; start bigint; name text; made int := 0;
begin
    perform set_config('lock_timeout', '200ms', true);
    for i in 0..1 loop
        start := this + i * width;
        -- Neither what is there already nor what had to go into the rest can be given a partition.
        continue when exists (select from mesh.partitions() p where p.low < start + width and p.high > start)
            or exists (select from only mesh.change_rest c where c.hlc >= start and c.hlc < start + width);
        name := format('change_%s', to_char(to_timestamp(start / 1000000) at time zone 'UTC', 'YYYYMMDD"T"HH24'));
        execute format('create table mesh.%I (like mesh.change including defaults including constraints including indexes)', name);
        execute format('alter table mesh.change attach partition mesh.%I for values from (%s) to (%s)', name, start, start + width);
        made := made + 1;
    end loop;
    return made;
end $$;

-- The log's parts, oldest first; the rest, which has no bounds, is not among them.
create or replace function mesh.partitions() returns table (name text, low bigint, high bigint, bytes bigint) language sql stable
set search_path = pg_catalog, pg_temp as $$
    select c.relname::text, b.bounds[1]::bigint, b.bounds[2]::bigint, pg_total_relation_size(c.oid)
    from pg_inherits i join pg_class c on c.oid = i.inhrelid
    cross join lateral (select regexp_match(pg_get_expr(c.relpartbound, c.oid), $r$FROM \('?(-?[0-9]+)'?\) TO \('?(-?[0-9]+)'?\)$r$) as bounds) b
    where i.inhparent = 'mesh.change'::regclass and b.bounds is not null order by 2
$$;

create or replace function mesh.log_bytes() returns bigint language sql stable
set search_path = pg_catalog, pg_temp as $$
    select coalesce(sum(pg_total_relation_size(i.inhrelid)), 0)::bigint from pg_inherits i where i.inhparent = 'mesh.change'::regclass
$$;

-- Which parts of the log nobody needs any more, oldest first: older than keep_hours, every member has all of them,
-- and nothing in them still waits for its place. Nothing is added to such a part again, so it can be archived.
create or replace function mesh.prunable(keep_hours numeric) returns setof text language plpgsql stable
set search_path = pg_catalog, pg_temp as $$
declare until bigint := least(mesh.watermark(), mesh.clock() - (keep_hours * 3600 * 1000000)::bigint); part text; needed boolean;
begin
    for part in select x.name from mesh.partitions() x where x.high <= until loop
        -- A change that could not be placed yet is nowhere else.
        execute format('select exists (select from mesh.parked k join mesh.%1$I c on c.tbl = k.tbl and (c.key = k.key or k.key = ''*'')
                where k.reason not in (''clash'', ''orphan''))
            or exists (select from mesh.parked k join mesh.%1$I c on c.kind = ''S'' and c.key = k.key where k.reason = ''schema'')', part) into needed;
        exit when needed;
        return next part;
    end loop;
end $$;

-- Drop those parts, up to the first that is not archived, if it is said which are. Returns the names of what went.
-- What stays behind is what an order may still need: versions of rows in tables that have parked ones.
drop function if exists mesh.prune(numeric);
create or replace function mesh.prune(keep_hours numeric, archived text[] default null) returns text[] language plpgsql
set search_path = pg_catalog, pg_temp as $$
declare part text; gone text[] := '{}';
begin
    for part in select mesh.prunable(keep_hours) loop
        exit when part <> all (archived);
        perform set_config('lock_timeout', '200ms', true); -- everybody who writes queues behind us; rather try again later
        lock table only mesh.change in access exclusive mode; -- the whole before the part, in the order in which writers do
        execute format('lock table mesh.%I in access exclusive mode', part);
        execute format('insert into mesh.version select distinct on (c.tbl, c.key) c.tbl, c.key, c.hlc, c.origin from mesh.%I c
            where c.key <> ''*'' and c.tbl in (select k.tbl from mesh.parked k where k.reason in (''clash'', ''orphan''))
            order by c.tbl, c.key, c.hlc desc, c.origin desc
            on conflict (tbl, key) do update set hlc = excluded.hlc, origin = excluded.origin
                where (excluded.hlc, excluded.origin) > (version.hlc, version.origin)', part);
        perform setval('mesh.pruned_to', p.high) from mesh.partitions() p where p.name = part;
        execute format('drop table mesh.%I', part);
        gone := gone || part;
    end loop;
    delete from mesh.version v where not exists (select from mesh.parked k where k.tbl = v.tbl and k.reason in ('clash', 'orphan'));
    return gone;
end $$;

select mesh.make_partitions({partition_hours});
