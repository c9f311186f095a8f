-- Merging: make a table's row what the log says it is.
--
-- A row is what replaying its changes in the order of (hlc, origin) would give:
--   alive  <=> its newest insert is newer than its newest delete or truncate
--   column  =  the newest value since that insert
-- A change newer than all others of its key is applied as it comes; any other is settled by that rule.
-- The result depends on the set of changes only, not on the order of arrival (docs/decisions/0002).
-- The per-table functions read_/write_/remove_/merge_ are written by 30_attach.sql.

create or replace function mesh.park(a_tbl text, a_key text, a_reason text, a_detail text, a_row jsonb default null)
returns void language sql as $$
    insert into mesh.parked (tbl, key, reason, detail, row) values (a_tbl, a_key, a_reason, a_detail, a_row)
    on conflict (tbl, key) do update
        set reason = excluded.reason, detail = excluded.detail, row = coalesce(excluded.row, parked.row), horizon = null
$$;

-- Newest version of a key, (0, 0) if the log has none. extra: a change that is arriving just now.
create or replace function mesh.version_of(a_tbl text, a_key text, out hlc bigint, out origin smallint)
language sql stable as $$
    select coalesce(max(v.hlc), 0), coalesce(max(v.origin), 0)::smallint from (
        select c.hlc, c.origin from mesh.change c where c.tbl = a_tbl and c.key = a_key
        order by c.hlc desc, c.origin desc limit 1) v
$$;

create or replace function mesh.call_read(a_tbl text, a_key text) returns jsonb language plpgsql as $$
declare answer jsonb;
begin
    execute format('select mesh.%I($1)', 'read_' || a_tbl) into answer using a_key;
    return answer;
end $$;

create or replace function mesh.call_remove(a_tbl text, a_key text) returns jsonb language plpgsql as $$
declare answer jsonb;
begin
    execute format('select mesh.%I($1)', 'remove_' || a_tbl) into answer using a_key;
    return answer;
end $$;

-- What the log says the row is; null: dead. `base` is the row as it stands (in its table or parked),
-- for columns whose changes are no longer in the log. known = false: an update whose insert is not here yet.
create or replace function mesh.wanted(a_tbl text, a_key text, base jsonb, arriving mesh.change,
                                       out want jsonb, out known boolean)
language plpgsql as $$
declare birth record; death record; u record;
begin
    known := true;
    select f.* into birth from (
        select c.hlc, c.origin, c.row from mesh.change c where c.tbl = a_tbl and c.key = a_key and c.kind = 'I'
        union all select arriving.hlc, arriving.origin, arriving.row where arriving.kind = 'I') f
    order by f.hlc desc, f.origin desc limit 1;
    select f.* into death from (
        select c.hlc, c.origin from mesh.change c
        where c.tbl = a_tbl and (c.key = a_key and c.kind = 'D' or c.key = '*' and c.kind = 'T')
        union all select arriving.hlc, arriving.origin where arriving.kind = 'D') f
    order by f.hlc desc, f.origin desc limit 1;
    if death.hlc is not null
            and (birth.hlc is null or (death.hlc, death.origin) > (birth.hlc, birth.origin)) then
        return;
    end if;
    want := coalesce(birth.row, base);
    if want is null then
        known := false;
        return;
    end if;
    for u in
        select f.row from (
            select c.hlc, c.origin, c.row from mesh.change c where c.tbl = a_tbl and c.key = a_key and c.kind = 'U'
            union all select arriving.hlc, arriving.origin, arriving.row where arriving.kind = 'U') f
        where birth.hlc is null or (f.hlc, f.origin) > (birth.hlc, birth.origin)
        order by f.hlc, f.origin
    loop
        want := want || u.row;
    end loop;
end $$;

-- Make the row what the log says. Raises what the table's constraints raise; mesh.place() catches it.
create or replace function mesh.settle(a_tbl text, a_key text, arriving mesh.change default null)
returns void language plpgsql as $$
declare live jsonb; kept mesh.parked; w record; written boolean; truncation mesh.change;
begin
    if a_key = '*' then                          -- a truncate that could not be done when it arrived
        for truncation in select * from mesh.change x where x.tbl = a_tbl and x.key = '*' loop
            perform mesh.merge_truncate(truncation);
        end loop;
        delete from mesh.parked p where p.tbl = a_tbl and p.key = a_key;
        return;
    end if;
    loop
        live := mesh.call_read(a_tbl, a_key);    -- locks the row
        select * into kept from mesh.parked p where p.tbl = a_tbl and p.key = a_key for update;
        w := mesh.wanted(a_tbl, a_key, coalesce(live, kept.row), arriving);
        if not w.known then
            perform mesh.park(a_tbl, a_key, 'unborn', 'an update arrived before its insert');
            return;
        end if;
        if w.want is null then
            if live is not null then
                perform mesh.call_remove(a_tbl, a_key);
            end if;
            exit;
        end if;
        execute format('select mesh.%I($1, $2)', 'write_' || a_tbl) into written using a_key, w.want;
        exit when written;                       -- else: inserted by somebody else meanwhile, look again
    end loop;
    if kept.reason is not null then
        delete from mesh.parked p where p.tbl = a_tbl and p.key = a_key;
    end if;
    if w.want is null and live is null then
        -- A delete that found no row: a transaction that inserts this very key may be under way.
        perform mesh.park(a_tbl, a_key, 'recheck', null);
    end if;
end $$;

-- A unique value is wanted by two rows: the row with the newer version keeps it. Parks older rows that hold it;
-- raises MB001 with the index's name when a newer one does.
create or replace function mesh.clear_way(a_tbl text, a_key text, arriving mesh.change, index_name text)
returns void language plpgsql as $$
declare
    r mesh.replicated; ix record; keys text; same text; want jsonb; base jsonb; b text; blockers text[]; mine record; theirs record;
begin
    select * into r from mesh.replicated where tbl = a_tbl;
    select i.indexrelid, i.indnkeyatts, pg_get_expr(i.indpred, i.indrelid) as predicate, i.indnullsnotdistinct as nulls_too
        into ix from pg_index i join pg_class c on c.oid = i.indexrelid where i.indrelid = r.rel and c.relname = index_name;
    if not found then
        raise exception 'violates %', index_name;
    end if;
    base := mesh.call_read(a_tbl, a_key);
    select coalesce(base, p.row) into base from (select 1) one
        left join mesh.parked p on p.tbl = a_tbl and p.key = a_key;
    want := (mesh.wanted(a_tbl, a_key, base, arriving)).want;
    mine := mesh.version_of(a_tbl, a_key);
    if arriving.hlc is not null and (arriving.hlc, arriving.origin) > (mine.hlc, mine.origin) then
        select arriving.hlc, arriving.origin into mine;
    end if;
    select string_agg(format(case when ix.nulls_too then '(%s) is not distinct from w.mesh_w%s' else '(%s) = w.mesh_w%s' end,
                             pg_get_indexdef(ix.indexrelid, k, true), k), ' and ' order by k),
           string_agg(format('(%s) as mesh_w%s', pg_get_indexdef(ix.indexrelid, k, true), k), ', ' order by k)
        into same, keys from generate_series(1, ix.indnkeyatts) k;
    execute format('select array_agg(%1$s order by %1$s) from %2$s t, (select %3$s from (%4$s) t) w where %5$s %6$s and %1$s <> $2',
        r.key_sql, r.rel::regclass, keys, r.decode_sql, same, coalesce(' and ' || ix.predicate, '')) into blockers using want, a_key;
    foreach b in array coalesce(blockers, '{}') loop
        theirs := mesh.version_of(a_tbl, b);
        if (theirs.hlc, theirs.origin, b) > (mine.hlc, mine.origin, a_key) then
            raise exception using errcode = 'MB001', message = index_name;
        end if;
    end loop;
    foreach b in array coalesce(blockers, '{}') loop
        perform mesh.park(a_tbl, b, 'clash', index_name, mesh.call_remove(a_tbl, b));
    end loop;
end $$;

-- A row that can't be in its table: no older version of it may stay there, on any node.
create or replace function mesh.park_instead(a_tbl text, a_key text, arriving mesh.change, a_reason text, complaint text)
returns void language plpgsql as $$
declare base jsonb;
begin
    if a_key = '*' then
        perform mesh.park(a_tbl, a_key, a_reason, complaint);
        return;
    end if;
    base := mesh.call_remove(a_tbl, a_key);
    select coalesce(base, p.row) into base from (select 1) one
        left join mesh.parked p on p.tbl = a_tbl and p.key = a_key;
    perform mesh.park(a_tbl, a_key, a_reason, complaint, (mesh.wanted(a_tbl, a_key, base, arriving)).want);
end $$;

create or replace function mesh.settle_or_merge(a_tbl text, a_key text, arriving mesh.change)
returns void language plpgsql as $$
begin
    if arriving.hlc is null then
        perform mesh.settle(a_tbl, a_key);
    else
        perform mesh.merge(arriving);
    end if;
end $$;

-- Place a row that clashes: older holders of its unique values make way. Raises MB001 if a newer row holds one of them.
create or replace function mesh.place_among_others(a_tbl text, a_key text, arriving mesh.change)
returns void language plpgsql as $$
declare broken text;
begin
    for attempt in 1..50 loop                    -- one more per index that is violated
        begin
            perform mesh.settle_or_merge(a_tbl, a_key, arriving);
            return;
        exception when unique_violation or exclusion_violation then
            get stacked diagnostics broken = constraint_name;
        end;
        perform mesh.clear_way(a_tbl, a_key, arriving, broken);
    end loop;
    raise exception 'violates % again and again', broken;
end $$;

-- Settle a key, or merge an arriving change, whatever the table's constraints say. Never raises,
-- but for deadlocks and cancels, after which the apply worker simply starts the transaction again.
-- A row that must be parked in the end moves nobody out of the way: what it had parked is undone. Else two
-- nodes that try it a different number of times would differ.
create or replace function mesh.place(a_tbl text, a_key text, arriving mesh.change)
returns void language plpgsql as $$
declare complaint text; reason text := 'error';
begin
    begin
        perform mesh.settle_or_merge(a_tbl, a_key, arriving);
        return;
    exception
        when unique_violation or exclusion_violation then
            reason := 'clash';
        when deadlock_detected or lock_not_available or serialization_failure then
            raise;
        when others then
            get stacked diagnostics complaint = message_text;
    end;
    if reason = 'clash' then
        begin
            perform mesh.place_among_others(a_tbl, a_key, arriving);
            return;
        exception
            when sqlstate 'MB001' then
                get stacked diagnostics complaint = message_text;
            when deadlock_detected or lock_not_available or serialization_failure then
                raise;
            when others then
                get stacked diagnostics complaint = message_text;
                reason := 'error';
        end;
    end if;
    perform mesh.park_instead(a_tbl, a_key, arriving, reason, complaint);
end $$;

-- Of two concurrent changes of one row one lost something: remember which (both stay in the log).
create or replace function mesh.note_conflicts(c mesh.change) returns void language plpgsql as $$
declare older record; newer record;
begin
    select x.* into newer from mesh.change x
        where x.tbl = c.tbl and x.key = c.key and (x.hlc, x.origin) > (c.hlc, c.origin)
        order by x.hlc, x.origin limit 1;
    if found and mesh.overlap(c.kind, c.row, newer.kind, newer.row) and not exists (
            select from mesh.change x where x.tbl = c.tbl and x.key = c.key
            and (x.prev_hlc, x.prev_origin) = (c.hlc, c.origin)) then
        insert into mesh.conflict values (c.origin, c.seq, newer.origin, newer.seq, c.tbl, c.key) on conflict do nothing;
    end if;
    for older in
        select x.* from mesh.change x
        where x.tbl = c.tbl and x.key = c.key and (x.hlc, x.origin) < (c.hlc, c.origin)
        and (x.hlc, x.origin) > (coalesce(c.prev_hlc, 0), coalesce(c.prev_origin, 0::smallint))
        and not exists (select from mesh.change y where y.tbl = c.tbl and y.key = c.key
            and (y.prev_hlc, y.prev_origin) = (x.hlc, x.origin))
    loop
        if mesh.overlap(older.kind, older.row, c.kind, c.row) then
            insert into mesh.conflict values (older.origin, older.seq, c.origin, c.seq, c.tbl, c.key) on conflict do nothing;
        end if;
    end loop;
end $$;

-- Would the second, newer change take away something that the first one wrote?
create or replace function mesh.overlap(kind1 "char", row1 jsonb, kind2 "char", row2 jsonb) returns boolean
language sql immutable as $$
    select case when kind1 = 'D' then kind2 = 'I'
                when kind2 = 'U' then row2 ?| array(select jsonb_object_keys(row1))
                else true end
$$;

create or replace function mesh.merge_truncate(c mesh.change) returns void language plpgsql as $$
declare k text; r mesh.replicated;
begin
    select * into r from mesh.replicated where tbl = c.tbl;
    for k in execute format('select %s from %s t', r.key_sql, r.rel::regclass) loop
        if (c.hlc, c.origin) > (select v.hlc, v.origin from mesh.version_of(c.tbl, k) v) then
            perform mesh.call_remove(c.tbl, k);
        end if;
    end loop;
    delete from mesh.parked p where p.tbl = c.tbl
        and (c.hlc, c.origin) > (select v.hlc, v.origin from mesh.version_of(c.tbl, p.key) v);
end $$;

-- One change from a peer, before it enters the log here.
create or replace function mesh.on_arrival() returns trigger language plpgsql
set search_path = pg_catalog, pg_temp set timezone = 'UTC' set datestyle = 'ISO' set intervalstyle = 'postgres'
set extra_float_digits = 1 set bytea_output = 'hex' set enable_seqscan = off set jit = off set row_security = off
as $$
begin
    perform pg_current_xact_id();                -- a recheck's horizon must be able to see this transaction
    if exists (select from mesh.change x where x.origin = new.origin and x.seq = new.seq) then
        return null;                             -- a duplicate, as after a rejoin
    end if;
    perform mesh.received_hlc(new.hlc);
    if new.kind = 'S' then
        perform mesh.apply_schema(new);
    elsif not exists (select from mesh.replicated r where r.tbl = new.tbl) then
        perform mesh.park(new.tbl, new.key, 'table', 'there is no such table here yet');
    elsif exists (select from mesh.replicated r where r.tbl = new.tbl and r.rel is not null) then
        perform mesh.place(new.tbl, new.key, new);
        perform mesh.note_conflicts(new);
    end if;
    return new;
end $$;

do $$ begin
    if not exists (select from pg_trigger where tgrelid = 'mesh.change'::regclass and tgname = 'on_arrival') then
        create trigger on_arrival before insert on mesh.change for each row execute function mesh.on_arrival();
        alter table mesh.change enable replica trigger on_arrival;
    end if;
end $$;

-- Try again what is parked: schema changes oldest first, then rows newest first. Called each second by the agent,
-- in an ordinary session of the superuser. Returns how many keys are still parked.
create or replace function mesh.sweep() returns bigint language plpgsql
set search_path = pg_catalog, pg_temp set timezone = 'UTC' set datestyle = 'ISO' set intervalstyle = 'postgres'
set extra_float_digits = 1 set bytea_output = 'hex' set jit = off set row_security = off
as $$
declare p record; c mesh.change;
begin
    if not exists (select from mesh.parked) or not pg_try_advisory_xact_lock(hashtext('mesh.sweep')) then
        return (select count(*) from mesh.parked);
    end if;
    perform set_config('session_replication_role', 'replica', true);
    for p in select k.*, x as change from mesh.parked k join mesh.change x
             on x.origin = case when k.reason = 'schema' then split_part(k.key, ':', 1)::smallint end
             and x.seq = case when k.reason = 'schema' then split_part(k.key, ':', 2)::bigint end
             order by x.hlc, x.origin, x.seq loop
        c := p.change;
        perform mesh.apply_schema(c);
    end loop;
    for p in select k.tbl, k.key, k.reason, k.horizon, r.rel, r.tbl is not null as known, v.hlc
             from mesh.parked k left join mesh.replicated r on r.tbl = k.tbl, mesh.version_of(k.tbl, k.key) v
             where k.reason <> 'schema' order by v.hlc desc, v.origin desc loop
        if p.known and p.rel is null then        -- the table was dropped
            delete from mesh.parked k where k.tbl = p.tbl and k.key = p.key;
        elsif not p.known then
            null;
        elsif p.reason = 'recheck' and p.horizon is null then
            update mesh.parked k set horizon = pg_snapshot_xmax(pg_current_snapshot()) where k.tbl = p.tbl and k.key = p.key;
        elsif p.reason = 'recheck' and p.horizon > pg_snapshot_xmin(pg_current_snapshot()) then
            null;
        elsif p.reason = 'recheck' then
            perform mesh.place(p.tbl, p.key, null);
            delete from mesh.parked k where k.tbl = p.tbl and k.key = p.key and k.reason = 'recheck';
        elsif p.reason = 'column' and not mesh.has_all_columns(p.tbl, p.key) then
            null;
        else
            perform mesh.place(p.tbl, p.key, null);
        end if;
    end loop;
    perform set_config('session_replication_role', 'origin', true);
    return (select count(*) from mesh.parked);
end $$;
