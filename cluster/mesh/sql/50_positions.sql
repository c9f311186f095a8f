-- Positions: what a client was told, it can read. A position names, per origin, the newest change an answer rests on.

-- Made when the mesh was first built, equal on all nodes. A position of another cluster (a fresh one, or one that
-- was restored to an earlier time, at the same address) names nothing that could be waited for here.
create or replace function mesh.cluster_id() returns text
    language sql immutable parallel safe as 'select ''{cluster_id}''::text';

-- Text form: "3f2a9c01/1:1042,3:77" (cluster/node:seq,…). What this session can see now.
create or replace function mesh.position() returns text language sql volatile security definer
set search_path = pg_catalog, pg_temp as $$
    select mesh.cluster_id() || '/' || coalesce(string_agg(n.node || ':' || m.seq, ',' order by n.node), '') from mesh.node n
    cross join lateral (select max(c.seq) as seq from mesh.change c where c.origin = n.node) m where m.seq is not null
$$;

-- Wait until this node has all that the position names; false: it does not after timeout_ms.
-- Call it as a statement of its own, before reading. Raises 22023 for a position that can't be read.
create or replace function mesh.wait_for(wanted text, timeout_ms int) returns boolean language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp as $$
declare until timestamptz := clock_timestamp() + make_interval(secs => timeout_ms / 1000.0);
begin
    if wanted !~ '^[0-9a-f]{8}/([0-9]{1,2}:[0-9]{1,18}(,[0-9]{1,2}:[0-9]{1,18}){0,14})?$' then
        raise exception 'not a position: %', left(wanted, 100) using errcode = '22023';
    end if;
    if split_part(wanted, '/', 1) <> mesh.cluster_id() then
        return true;
    end if;
    wanted := split_part(wanted, '/', 2);
    loop
        if not exists (
            select from unnest(string_to_array(wanted, ',')) part
            where not exists (select from mesh.change c where c.origin = split_part(part, ':', 1)::smallint
                and c.seq = split_part(part, ':', 2)::bigint)) then
            return true;
        end if;
        if clock_timestamp() >= until then
            return false;
        end if;
        perform pg_sleep(0.003);
    end loop;
end $$;

revoke all on all functions in schema mesh from public;
grant usage on schema mesh to {app_role};
grant execute on function mesh.me(), mesh.position(), mesh.wait_for(text, int), mesh.run_ddl(text),
    mesh.log_ddl(text), mesh.align_sequences() to {app_role};
grant select on mesh.node, mesh.parked, mesh.conflict, mesh.change, mesh.replicated to {app_role};
