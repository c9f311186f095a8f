-- Positions: what a client was told, it can read. A position names, per origin, the newest change an answer rests on.

-- Made when the mesh was first built, equal on all nodes. A position of another cluster (a fresh one, or one that
-- was restored to an earlier time, at the same address) names nothing that could be waited for here.
create or replace function mesh.cluster_id() returns text
    language sql immutable parallel safe as 'select ''{cluster_id}''::text';

-- The node's own word of what will not come any more: see mesh.heartbeat. The agent calls it twice a second.
--
-- low: a transaction stamps its changes no earlier than it began, and the clock floor keeps what begins later above
-- this beat; the second taken off is for clocks that step back. settled: numbers are given out to transactions that
-- have an id by then, so once all ids below the horizon of an earlier beat have ended, so have those numbers.
create or replace function mesh.beat() returns void language plpgsql security definer
set search_path = pg_catalog, pg_temp as $$
declare now_hlc bigint := mesh.clock(); oldest bigint; mine mesh.heartbeat; u mesh.unsettled; new_low bigint; new_settled bigint;
begin
    perform mesh.raise_floor(now_hlc);           -- nothing is stamped earlier than this from now on
    select (extract(epoch from min(a.xact_start)) * 1000000)::bigint into oldest from pg_stat_activity a
        where a.backend_xid is not null and a.backend_type = 'client backend' and a.pid <> pg_backend_pid();
    select * into mine from mesh.heartbeat h where h.node = mesh.me() for update;
    select * into u from mesh.unsettled for update;
    new_low := greatest(mine.low, least(now_hlc, oldest) - 1000000);
    new_settled := mine.settled;
    if pg_snapshot_xmin(pg_current_snapshot()) >= u.horizon then
        new_settled := greatest(mine.settled, u.seq);
        update mesh.unsettled set seq = (select case when s.is_called then s.last_value else 0 end from mesh.change_seq s),
            horizon = pg_snapshot_xmax(pg_current_snapshot());
    end if;
    update mesh.heartbeat set at = clock_timestamp(), low = new_low, settled = new_settled,
        heard = (select jsonb_object_agg(n.node, case when n.node = mesh.me() then new_low else coalesce(h.low, 0) end)
                 from mesh.node n left join mesh.heartbeat h on h.node = n.node where n.state = 'member')
        where node = mesh.me();
end $$;

-- Every member has every change with hlc <= this, and none will come any more.
create or replace function mesh.watermark() returns bigint language sql stable security definer
set search_path = pg_catalog, pg_temp as $$
    select coalesce(min(coalesce((h.heard->>n.node::text)::bigint, 0)), 0)
    from mesh.node m left join mesh.heartbeat h on h.node = m.node, mesh.node n
    where m.state = 'member' and n.state = 'member'
$$;

-- Of a node's newest numbers so many are looked at; older ones count as seen. Bounds the cost when its agent is away.
create or replace function mesh.remembered() returns int language sql immutable parallel safe as 'select 1000';

-- What this session sees of one node's changes: the newest number (null: none), and how many above `start`, from where all are looked at.
-- Numbers that are not settled are young: parts of the log that are older than the last beat need not be opened.
create or replace function mesh.seen(a_node smallint, out newest bigint, out start bigint, out above bigint) language plpgsql stable as $$
declare h mesh.heartbeat;
begin
    select * into h from mesh.heartbeat b where b.node = a_node;
    start := coalesce(h.settled, 0);
    select max(c.seq), count(*) into newest, above from (
        select x.seq from mesh.change x where x.origin = a_node and x.seq > start and x.hlc > coalesce(h.low, 0) - 60000000
        order by x.seq desc limit mesh.remembered()) c;
    if above = mesh.remembered() then
        start := greatest(start, newest - mesh.remembered());
        select count(*) into above from mesh.change x where x.origin = a_node and x.seq > start and x.hlc > coalesce(h.low, 0) - 60000000;
    end if;
    newest := coalesce(newest, nullif(start, 0));
end $$;

-- Numbers from `start` (exclusive) to `newest` that this session does not see.
create or replace function mesh.unseen(a_node smallint, start bigint, newest bigint) returns int8multirange language sql stable as $$
    select int8multirange(int8range(start + 1, newest, '[]')) - coalesce(range_agg(int8range(c.seq, c.seq, '[]')), '{}')
    from mesh.change c where c.origin = a_node and c.seq > start and c.seq <= newest
$$;

-- What this session can see now, as text: "3f2a9c01/1:1042-1040-1030..1033,3:77" (cluster/node:newest number, without these; …).
create or replace function mesh.position() returns text language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp set jit = off as $$
declare n smallint; s record; parts text[] := '{}'; gaps text;
begin
    for n in select m.node from mesh.node m order by m.node loop
        s := mesh.seen(n);
        continue when s.newest is null;
        gaps := '';
        if s.above <> s.newest - s.start then
            select coalesce(string_agg('-' || lower(r) || case when upper(r) - 1 > lower(r) then '..' || upper(r) - 1 else '' end, '' order by r desc), '') into gaps
                from (select r from unnest(mesh.unseen(n, greatest(s.start, s.newest - mesh.remembered()), s.newest)) r order by r desc limit 16) latest;
        end if;
        parts := parts || (n || ':' || s.newest || gaps);
    end loop;
    return mesh.cluster_id() || '/' || array_to_string(parts, ',');
end $$;

-- Can this session see all that the position names? (Its part after the slash.)
create or replace function mesh.has(wanted text) returns boolean language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp set jit = off as $$
declare part text; a_node smallint; newest bigint; s record; unseen int8multirange;
begin
    foreach part in array string_to_array(wanted, ',') loop
        a_node := split_part(part, ':', 1);
        newest := split_part(split_part(part, ':', 2), '-', 1);
        s := mesh.seen(a_node);
        -- Nearly always: settled here, or all of it seen.
        continue when newest <= s.start or newest = s.newest and s.above = s.newest - s.start;
        -- What an evicted node's members did not have when it was put out is gone, and not to be waited for.
        continue when exists (select from mesh.node n where n.node = a_node and n.state = 'evicted');
        if not exists (select from mesh.change c where c.origin = a_node and c.seq = newest) then
            return false;
        end if;
        unseen := mesh.unseen(a_node, greatest(s.start, newest - mesh.remembered()), newest);
        if not isempty(unseen) and not unseen <@ (
                select coalesce(range_agg(int8range(split_part(gap, '..', 1)::bigint, coalesce(nullif(split_part(gap, '..', 2), ''), gap)::bigint, '[]')), '{}')
                from unnest((string_to_array(split_part(part, ':', 2), '-'))[2:]) gap) then
            return false;
        end if;
    end loop;
    return true;
end $$;

-- Wait until this node has all that the position names; false: it does not after timeout_ms.
-- Call it as a statement of its own, before reading. Raises 22023 for a position that can't be read.
create or replace function mesh.wait_for(wanted text, timeout_ms int) returns boolean language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp as $$
declare until timestamptz := clock_timestamp() + make_interval(secs => timeout_ms / 1000.0);
begin
    if length(wanted) > 4000 or wanted !~ '^[0-9a-f]{8}/([0-9]{1,2}:[0-9]{1,18}(-[0-9]{1,18}([.][.][0-9]{1,18})?)*(,[0-9]{1,2}:[0-9]{1,18}(-[0-9]{1,18}([.][.][0-9]{1,18})?)*){0,14})?$' then
        raise exception 'not a position: %', left(wanted, 100) using errcode = '22023';
    end if;
    if split_part(wanted, '/', 1) <> mesh.cluster_id() then
        return true;
    end if;
    wanted := split_part(wanted, '/', 2);
    loop
        if mesh.has(wanted) then
            return true;
        end if;
        if clock_timestamp() >= until then
            return false;
        end if;
        perform pg_sleep(0.003);
    end loop;
end $$;
