-- Merging: make a table's row what the log says it is.
--
-- A row is what replaying its changes in the order of (hlc, origin) would give:
--   alive  <=> its newest insert is newer than its newest delete or truncate
--   column  =  the newest value since that insert
-- A change newer than all others of its key is applied as it comes; any other is settled by that rule.
-- A row that is alive is *placed* if the rows that its foreign keys name are placed and no newer placed row holds one of its
-- unique values; else it is parked with its content. Foreign keys in a cycle (a table that refers to itself) ask only
-- that the other row be alive.
-- The result depends on the set of changes only, not on the order of arrival (docs/decisions/0002).
-- The per-table functions read_/write_/remove_/merge_ are written by 30_attach.sql.

create or replace function mesh.park(a_tbl text, a_key text, a_reason text, a_detail text, a_row jsonb default null)
returns void language sql as $$
    insert into mesh.parked (tbl, key, reason, detail, row) values (a_tbl, a_key, a_reason, a_detail, a_row)
    on conflict (tbl, key) do update
        set reason = excluded.reason, detail = excluded.detail, row = coalesce(excluded.row, parked.row), horizon = null
$$;

-- Newest version of a key, (0, 0) if it is no longer known.
create or replace function mesh.version_of(a_tbl text, a_key text, out hlc bigint, out origin smallint)
language sql stable as $$
    select coalesce(max(v.hlc), 0), coalesce(max(v.origin), 0)::smallint from (
        (select c.hlc, c.origin from mesh.change c where c.tbl = a_tbl and c.key = a_key
         order by c.hlc desc, c.origin desc limit 1)
        union all select o.hlc, o.origin from mesh.version o where o.tbl = a_tbl and o.key = a_key
        order by hlc desc, origin desc limit 1) v
$$;

create or replace function mesh.call_read(a_tbl text, a_key text) returns jsonb language plpgsql as $$
declare answer jsonb;
begin
    execute format('select mesh.%I($1)', mesh.function_name('read', a_tbl)) into answer using a_key;
    return answer;
end $$;

-- Take a row out of its table; what referred to it is parked. dead: it is not alive any more, else it is about to be parked.
create or replace function mesh.call_remove(a_tbl text, a_key text, dead boolean) returns jsonb language plpgsql as $$
declare answer jsonb;
begin
    execute format('select mesh.%I($1, $2)', mesh.function_name('remove', a_tbl)) into answer using a_key, dead;
    return answer;
end $$;

-- What the log calls a column of a table.
create or replace function mesh.name_in_log(a_tbl text, a_name text) returns text language sql stable as $$
    select coalesce((select r.name from mesh.renamed r where r.tbl = a_tbl and r.now = a_name and left(r.name, length(a_name) + 1) = a_name || '~'
                     and exists (select from mesh.renamed o where o.tbl = a_tbl and o.name = a_name)), a_name)
$$;

-- A change's row with the names that its columns have now, without those that are gone.
create or replace function mesh.translated(a_tbl text, a_row jsonb) returns jsonb language plpgsql stable as $$
begin
    if not exists (select from mesh.renamed r where r.tbl = a_tbl and a_row ? r.name) then
        return a_row;
    end if;
    return (select coalesce(jsonb_object_agg(coalesce(r.now, e.key), e.value), '{}') from jsonb_each(a_row) e
            left join mesh.renamed r on r.tbl = a_tbl and r.name = e.key where r.name is null or r.now is not null);
end $$;

-- What the log says the row is; null: dead. `base` is the row as it stands (in its table or parked),
-- for columns whose changes are no longer in the log. known = false: an update whose insert is not here yet.
create or replace function mesh.wanted(a_tbl text, a_key text, base jsonb, arriving mesh.change,
                                       out want jsonb, out known boolean)
language plpgsql as $$
declare birth mesh.change; death mesh.change; emptied mesh.change; u record;
begin
    known := true;
    -- Each by itself, newest first: a row may have a long history.
    select * into birth from mesh.change c where c.tbl = a_tbl and c.key = a_key and c.kind = 'I' order by c.hlc desc, c.origin desc limit 1;
    select * into death from mesh.change c where c.tbl = a_tbl and c.key = a_key and c.kind = 'D' order by c.hlc desc, c.origin desc limit 1;
    select * into emptied from mesh.change c where c.tbl = a_tbl and c.key = '*' order by c.hlc desc, c.origin desc limit 1;
    if arriving.kind = 'I' and (birth.hlc is null or (arriving.hlc, arriving.origin) > (birth.hlc, birth.origin)) then
        birth := arriving;
    elsif arriving.kind in ('D', 'T') and (death.hlc is null or (arriving.hlc, arriving.origin) > (death.hlc, death.origin)) then
        death := arriving;
    end if;
    if (death.hlc is not null and (birth.hlc is null or (death.hlc, death.origin) > (birth.hlc, birth.origin)))
            or (emptied.hlc is not null and (birth.hlc is null or (emptied.hlc, emptied.origin) > (birth.hlc, birth.origin))) then
        return;
    end if;
    want := coalesce(mesh.translated(a_tbl, birth.row), base);
    if want is null then
        known := false;
        return;
    end if;
    for u in
        select f.row from (
            select c.hlc, c.origin, c.row from mesh.change c where c.tbl = a_tbl and c.key = a_key and c.kind = 'U'
                and (c.hlc, c.origin) > (coalesce(birth.hlc, 0), coalesce(birth.origin, 0::smallint))
            union all select arriving.hlc, arriving.origin, arriving.row where arriving.kind = 'U'
                and (birth.hlc is null or (arriving.hlc, arriving.origin) > (birth.hlc, birth.origin))) f
        order by f.hlc, f.origin
    loop
        want := want || mesh.translated(a_tbl, u.row);
    end loop;
end $$;

-- Make the row what the log says. Raises what the table's constraints raise; mesh.place() catches it.
create or replace function mesh.settle(a_tbl text, a_key text, arriving mesh.change default null)
returns void language plpgsql as $$
declare live jsonb; kept mesh.parked; w record; written boolean; placed jsonb; truncation mesh.change;
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
                perform mesh.call_remove(a_tbl, a_key, true);
            elsif kept.row is not null then
                perform mesh.orphan_children(a_tbl, kept.row, true);
            end if;
            exit;
        end if;
        exit when w.want = placed;
        execute format('select mesh.%I($1, $2, $3)', mesh.function_name('write', a_tbl)) into written using a_key, w.want, live is not null;
        exit when written and live is not null;
        -- Somebody inserted it meanwhile; or we did, and only from now on nobody else can touch it. Look again.
        placed := case when written then w.want end;
    end loop;
    if arriving.kind in ('I', 'U') then
        perform mesh.note_truncated(arriving);
    end if;
    if kept.reason is not null then
        delete from mesh.parked p where p.tbl = a_tbl and p.key = a_key;
    end if;
    if (live is null or placed is not null) and kept.row is not null and w.want is not null then
        perform mesh.orphan_children(a_tbl, kept.row, true, w.want); -- values that it had while parked
    end if;
    if w.want is null and live is null then
        -- A delete that found no row: a transaction that inserts this very key may be under way.
        perform mesh.park(a_tbl, a_key, 'recheck', null);
    end if;
end $$;

-- Indexes that keep two rows apart (uniques, exclusion constraints), but for the primary key: the values of a row aliased t as
-- mesh_w1…, and whether another row t is in their way.
create or replace function mesh.exclusive_indexes(a_rel oid)
returns table (name text, late boolean, values_sql text, same_sql text, predicate text) language sql stable as $$
    select c.relname::text, not i.indimmediate,
        string_agg(format('(%s) as mesh_w%s', pg_get_indexdef(i.indexrelid, k, true), k), ', ' order by k),
        string_agg(case when x.conexclop is not null then format('(%s) operator(%s.%s) w.mesh_w%s', pg_get_indexdef(i.indexrelid, k, true),
                             quote_ident(s.nspname), o.oprname, k)
                        when i.indnullsnotdistinct then format('(%s) is not distinct from w.mesh_w%s', pg_get_indexdef(i.indexrelid, k, true), k)
                        else format('(%s) = w.mesh_w%s', pg_get_indexdef(i.indexrelid, k, true), k) end, ' and ' order by k),
        pg_get_expr(i.indpred, i.indrelid)
    from pg_index i join pg_class c on c.oid = i.indexrelid
    left join pg_constraint x on x.conindid = i.indexrelid and x.contype = 'x'
    cross join lateral generate_series(1, i.indnkeyatts) k
    left join pg_operator o on o.oid = x.conexclop[k] left join pg_namespace s on s.oid = o.oprnamespace
    where i.indrelid = a_rel and not i.indisprimary and (i.indisunique or i.indisexclusion)
    group by i.indexrelid, c.relname, i.indimmediate, i.indpred, i.indrelid
    order by c.relname
$$;

-- A unique value is wanted by two rows: the row with the newer version keeps it. Parks older rows that hold it;
-- raises MB001 with the index's name when a newer one does.
create or replace function mesh.clear_way(a_tbl text, a_key text, arriving mesh.change, index_name text)
returns void language plpgsql as $$
declare
    r mesh.replicated; ix record; want jsonb; base jsonb; b text; blockers text[]; mine record; theirs record;
begin
    select * into r from mesh.replicated where tbl = a_tbl;
    select * into ix from mesh.exclusive_indexes(r.rel) x where x.name = index_name;
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
    execute format('select array_agg(%1$s order by (%1$s) collate "C") from %2$s t, (select %3$s from (%4$s) t) w where %5$s %6$s and %1$s <> $2',
        r.key_sql, r.rel::regclass, ix.values_sql, r.decode_sql, ix.same_sql, coalesce(' and ' || ix.predicate, '')) into blockers using want, a_key;
    foreach b in array coalesce(blockers, '{}') loop
        theirs := mesh.version_of(a_tbl, b);
        -- Of two whose versions are forgotten the one in the table was found to be the newer when that was last asked.
        if (theirs.hlc, theirs.origin, b collate "C") > (mine.hlc, mine.origin, a_key) or (theirs.hlc = 0 and mine.hlc = 0) then
            raise exception using errcode = 'MB001', message = index_name;
        end if;
    end loop;
    foreach b in array coalesce(blockers, '{}') loop
        perform mesh.park(a_tbl, b, 'clash', index_name, mesh.call_remove(a_tbl, b, false));
    end loop;
end $$;

-- A row that can't be in its table: no older version of it may stay there, on any node.
create or replace function mesh.park_instead(a_tbl text, a_key text, arriving mesh.change, a_reason text, complaint text)
returns void language plpgsql as $$
declare base jsonb; want jsonb; missing text;
begin
    if a_key = '*' then
        perform mesh.park(a_tbl, a_key, a_reason, complaint);
        return;
    end if;
    base := mesh.call_remove(a_tbl, a_key, false);
    select coalesce(base, p.row) into base from (select 1) one
        left join mesh.parked p on p.tbl = a_tbl and p.key = a_key;
    want := (mesh.wanted(a_tbl, a_key, base, arriving)).want;
    if a_reason = 'clash' then                   -- one reason on all nodes, whichever was met first
        missing := mesh.missing_parent(a_tbl, a_key, want);
    end if;
    perform mesh.park(a_tbl, a_key, case when missing is null then a_reason else 'orphan' end, coalesce(missing, complaint), want);
    if base is not null and want is not null then
        perform mesh.orphan_children(a_tbl, base, true, want); -- in a cycle they may name a parked row, but by what it is now
    end if;
end $$;

-- The foreign key of a row that names no row which is there; null: none. The first by name, as everywhere.
drop function if exists mesh.missing_parent(text, jsonb);
create or replace function mesh.missing_parent(a_tbl text, a_key text, a_row jsonb) returns text language plpgsql as $$
declare f mesh.reference; there boolean; parent regclass;
begin
    for f in select * from mesh.reference x where x.tbl = a_tbl order by x.name loop
        continue when exists (select from unnest(f.columns) c where a_row->>c is null);
        select r.rel::regclass into parent from mesh.replicated r where r.tbl = f.to_tbl;
        execute format('select exists (select from %s t where %s)', parent, mesh.match_sql(parent, f.to_columns, f.columns, '$1')) into there using a_row;
        if not there and not (f.cyclic and mesh.is_parked_alive(f, a_key, a_row))
                and not (f.to_tbl = a_tbl and not exists ( -- it names itself
                    select from unnest(f.columns, f.to_columns) u(c, n) where a_row->>u.c is distinct from a_row->>u.n)) then
            return f.name;
        end if;
    end loop;
    return null;
end $$;

-- t's columns equal to what a jsonb has under other names.
create or replace function mesh.match_sql(rel regclass, columns text[], names text[], source text) returns text language sql stable as $$
    select string_agg(format('t.%I = (%s->>%L)::%s', u.c, source, u.n, a.type), ' and ' order by u.o)
    from unnest(columns, names) with ordinality u(c, n, o) join mesh.columns_of(rel) a on a.name = u.c
$$;

-- Not by what the row itself was when it was parked: that is past.
drop function if exists mesh.is_parked_alive(mesh.reference, jsonb);
create or replace function mesh.is_parked_alive(f mesh.reference, a_key text, a_row jsonb) returns boolean language sql stable as $$
    select exists (select from mesh.parked p where p.tbl = f.to_tbl and (p.tbl, p.key) <> (f.tbl, a_key) and p.row is not null and not exists (
        select from unnest(f.columns, f.to_columns) u(c, n) where p.row->>u.n is distinct from a_row->>u.c))
$$;

-- A row went (a_row: as it was): park what referred to it. dead: it is not alive any more. now: what it has become, if it only
-- changed: who referred to a value that it still has has lost nothing, and it may refer to itself.
drop function if exists mesh.orphan_children(text, jsonb, boolean);
create or replace function mesh.orphan_children(a_tbl text, a_row jsonb, dead boolean, now jsonb default null) returns void language plpgsql as $$
declare f mesh.reference; child mesh.replicated; keys text[]; k text;
begin
    for f in select * from mesh.reference x where x.to_tbl = a_tbl and (dead or not x.cyclic) order by x.tbl, x.name loop
        continue when exists (select from unnest(f.to_columns) c where a_row->>c is null)
            or now is not null and not exists (select from unnest(f.to_columns) c where a_row->>c is distinct from now->>c);
        select * into child from mesh.replicated r where r.tbl = f.tbl;
        execute format('select array_agg(%s) from %s t where %s', child.key_sql, child.rel::regclass,
            mesh.match_sql(child.rel, f.columns, f.to_columns, '$1')) into keys using a_row;
        foreach k in array coalesce(keys, '{}') loop
            perform mesh.park(f.tbl, k, 'orphan', f.name, mesh.call_remove(f.tbl, k, false));
        end loop;
    end loop;
end $$;

-- A row came: what waited for it may be placed.
create or replace function mesh.adopt_orphans(a_tbl text, a_key text) returns void language plpgsql as $$
declare f mesh.reference; parent jsonb; p record;
begin
    for f in select * from mesh.reference x where x.to_tbl = a_tbl order by x.tbl, x.name loop
        parent := coalesce(parent, mesh.call_read(a_tbl, a_key), (select k.row from mesh.parked k where k.tbl = a_tbl and k.key = a_key));
        for p in select k.tbl, k.key from mesh.parked k, mesh.version_of(k.tbl, k.key) v
                 where k.tbl = f.tbl and k.reason = 'orphan' and not exists (
                     select from unnest(f.columns, f.to_columns) u(c, n) where k.row->>u.c is distinct from parent->>u.n)
                 order by v.hlc desc, v.origin desc, k.key collate "C" desc loop
            perform mesh.place(p.tbl, p.key, null);
        end loop;
    end loop;
end $$;

create or replace function mesh.look_at_orphans(a_tbl text, a_key text) returns void language plpgsql
set search_path = pg_catalog, pg_temp set timezone = 'UTC' set datestyle = 'ISO' set intervalstyle = 'postgres'
set extra_float_digits = 1 set bytea_output = 'hex' set enable_seqscan = off set jit = off set row_security = off
as $$
begin
    if exists (select from mesh.replicated r where r.tbl = a_tbl and r.rel is not null) then
        perform mesh.adopt_orphans(a_tbl, a_key);
    end if;
exception
    when deadlock_detected or lock_not_available or serialization_failure then
        raise;
    when others then
        raise log 'mesh: % of % has orphans that could not be looked at: %', a_key, a_tbl, sqlerrm; -- the sweep does
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
declare complaint text; reason text;
begin
    begin
        perform mesh.settle_or_merge(a_tbl, a_key, arriving);
    exception
        when unique_violation or exclusion_violation then
            reason := 'clash';
        when sqlstate 'MB002' then
            get stacked diagnostics complaint = message_text;
            reason := 'orphan';
        when deadlock_detected or lock_not_available or serialization_failure then
            raise;
        when others then
            get stacked diagnostics complaint = message_text;
            reason := 'error';
    end;
    if reason = 'clash' then
        begin
            perform mesh.place_among_others(a_tbl, a_key, arriving);
            reason := null;
        exception
            when sqlstate 'MB001' then
                get stacked diagnostics complaint = message_text;
            when sqlstate 'MB002' then
                get stacked diagnostics complaint = message_text;
                reason := 'orphan';
            when deadlock_detected or lock_not_available or serialization_failure then
                raise;
            when others then
                get stacked diagnostics complaint = message_text;
                reason := 'error';
        end;
    end if;
    if reason is not null then
        perform mesh.park_instead(a_tbl, a_key, arriving, reason, complaint);
    end if;
    -- Constraints that may wait for the commit are ours to keep here, and we don't see what others have written and not yet
    -- committed: once they have, the row is looked at again.
    if reason is null and arriving.kind is distinct from 'D' and a_key <> '*'
            and exists (select from mesh.replicated r where r.tbl = a_tbl and r.late) then
        insert into mesh.parked (tbl, key, reason) values (a_tbl, a_key, 'recheck')
            on conflict (tbl, key) do update set horizon = null where parked.reason = 'recheck';
    end if;
    -- An arriving change is not in the log yet, and what is settled now would be settled without it: mesh.after_arrival() follows.
    if reason is null and arriving.hlc is null and a_key <> '*' and exists (select from mesh.parked p where p.reason = 'orphan') then
        perform mesh.look_at_orphans(a_tbl, a_key);
    end if;
end $$;

create or replace function mesh.note_conflict(loser mesh.change, winner mesh.change) returns void language sql as $$
    insert into mesh.conflict values (loser.origin, loser.seq, winner.origin, winner.seq, loser.tbl, loser.key, clock_timestamp(),
        loser.hlc, loser.kind, mesh.translated(loser.tbl, loser.row), loser.actor,
        winner.hlc, winner.kind, mesh.translated(winner.tbl, winner.row), winner.actor) on conflict do nothing
$$;

-- Of two concurrent changes of one row one lost something: remember which. That a writer had not seen a change is sure where what
-- was written knows of older ones only, and on the writer's own node, when the change arrives there: so each loss is noted there at the latest.
create or replace function mesh.note_conflicts(c mesh.change) returns void language plpgsql as $$
declare older mesh.change; newer mesh.change; newest record;
begin
    -- Nearly always its writer had seen all that there is of the row.
    select x.hlc, x.origin into newest from mesh.change x where x.tbl = c.tbl and x.key = c.key order by x.hlc desc, x.origin desc limit 1;
    if not found or (newest.hlc, newest.origin) = (c.prev_hlc, c.prev_origin) then
        return;
    end if;
    select * into newer from mesh.change x
        where x.tbl = c.tbl and x.key = c.key and (x.hlc, x.origin) > (c.hlc, c.origin)
        and (x.origin = mesh.me() or (coalesce(x.prev_hlc, 0), coalesce(x.prev_origin, 0::smallint)) < (c.hlc, c.origin)) and mesh.took(x, c)
        order by x.hlc, x.origin limit 1;
    if found then
        perform mesh.note_conflict(c, newer);
    end if;
    for older in
        select * from mesh.change x
        where x.tbl = c.tbl and x.key = c.key and (x.hlc, x.origin) < (c.hlc, c.origin)
        and (x.hlc, x.origin) > (coalesce(c.prev_hlc, 0), coalesce(c.prev_origin, 0::smallint))
    loop
        if mesh.took(c, older) then
            perform mesh.note_conflict(older, c);
        elsif older.kind = 'D' and c.kind = 'U' and not mesh.was_born_after(older) then
            perform mesh.note_conflict(c, older);
        end if;
    end loop;
    if c.kind = 'D' and not mesh.was_born_after(c) then
        for newer in -- updates of what was deleted already, elsewhere
            select * from mesh.change x where x.tbl = c.tbl and x.key = c.key and x.kind = 'U' and (x.hlc, x.origin) > (c.hlc, c.origin)
            and (coalesce(x.prev_hlc, 0), coalesce(x.prev_origin, 0::smallint)) < (c.hlc, c.origin)
        loop
            perform mesh.note_conflict(newer, c);
        end loop;
    end if;
end $$;

-- A truncate took it whose writer had not seen it: that is sure where the truncate was written.
create or replace function mesh.note_truncated(c mesh.change) returns void language plpgsql as $$
declare emptied mesh.change;
begin
    select * into emptied from mesh.change x where x.tbl = c.tbl and x.key = '*' and x.origin = mesh.me() and (x.hlc, x.origin) > (c.hlc, c.origin)
        order by x.hlc limit 1;
    if found then
        perform mesh.note_conflict(c, emptied);
    end if;
end $$;

-- Whether the newer change took away something of the older one's that nobody who had the older one before them had replaced.
drop function if exists mesh.overlap("char", jsonb, "char", jsonb);
create or replace function mesh.took(newer mesh.change, older mesh.change) returns boolean language sql stable as $$
    select case when older.kind = 'D' then newer.kind = 'I' else exists (
        select from jsonb_object_keys(older.row) k where (newer.kind <> 'U' or newer.row ? k) and not exists (
            select from mesh.change y where y.tbl = older.tbl and y.key = older.key and (y.prev_hlc, y.prev_origin) = (older.hlc, older.origin)
            and (y.hlc, y.origin) > (older.hlc, older.origin) and (y.hlc, y.origin) < (newer.hlc, newer.origin) and (y.kind <> 'U' or y.row ? k))) end
$$;

create or replace function mesh.was_born_after(death mesh.change) returns boolean language sql stable as $$
    select exists (select from mesh.change x where x.tbl = death.tbl and x.key = death.key and x.kind = 'I' and (x.hlc, x.origin) > (death.hlc, death.origin))
$$;

create or replace function mesh.merge_truncate(c mesh.change) returns void language plpgsql as $$
declare k text; r mesh.replicated; p mesh.parked; w record;
begin
    select * into r from mesh.replicated where tbl = c.tbl;
    for k in execute format('select %s from %s t', r.key_sql, r.rel::regclass) loop
        w := mesh.wanted(c.tbl, k, mesh.call_read(c.tbl, k), c);
        if w.want is null then
            perform mesh.call_remove(c.tbl, k, true);
        end if;
    end loop;
    for p in select * from mesh.parked x where x.tbl = c.tbl and x.key <> '*' loop
        w := mesh.wanted(c.tbl, p.key, p.row, c);
        if w.want is null and w.known then
            delete from mesh.parked x where x.tbl = c.tbl and x.key = p.key;
            if p.row is not null then
                perform mesh.orphan_children(c.tbl, p.row, true);
            end if;
        end if;
    end loop;
end $$;

-- One change from a peer, before it enters the log here.
create or replace function mesh.on_arrival() returns trigger language plpgsql
set search_path = pg_catalog, pg_temp set timezone = 'UTC' set datestyle = 'ISO' set intervalstyle = 'postgres'
set extra_float_digits = 1 set bytea_output = 'hex' set enable_seqscan = off set jit = off set row_security = off
as $$
begin
    perform pg_current_xact_id();                -- a recheck's horizon must be able to see this transaction
    if exists (select from mesh.change x where x.origin = new.origin and x.seq = new.seq and x.hlc = new.hlc)
            or new.hlc < (select last_value from mesh.pruned_to) then
        return null;                             -- a duplicate, as after a rejoin; of what was pruned, all members had all
    end if;
    perform mesh.received_hlc(new.hlc);
    if new.kind = 'S' then
        perform mesh.apply_schema(new);
    elsif not exists (select from mesh.replicated r where r.tbl = new.tbl) then
        perform mesh.park(new.tbl, new.key, 'table', 'there is no such table here yet');
    elsif exists (select from mesh.replicated r where r.tbl = new.tbl and r.rel is not null) then
        perform mesh.place(new.tbl, new.key, new);
        if new.kind = 'T' then                   -- a transaction that inserts may be under way, as with a delete
            perform mesh.park(new.tbl, '*', 'recheck', null);
        end if;
        perform mesh.note_conflicts(new);
    end if;
    return new;
end $$;

-- What waited for a row that came or changed; now that the log has the change.
create or replace function mesh.after_arrival() returns trigger language plpgsql as $$
begin
    if exists (select from mesh.parked p where p.reason = 'orphan') then -- rare; so no settings are changed before
        perform mesh.look_at_orphans(new.tbl, new.key);
    end if;
    return null;
end $$;

do $$ begin
    if not exists (select from pg_trigger where tgrelid = 'mesh.change'::regclass and tgname = 'after_arrival') then
        create trigger after_arrival after insert on mesh.change for each row when (new.kind in ('I', 'U')) execute function mesh.after_arrival();
        alter table mesh.change enable replica trigger after_arrival;
    end if;
    if not exists (select from pg_trigger where tgrelid = 'mesh.change'::regclass and tgname = 'on_arrival') then
        create trigger on_arrival before insert on mesh.change for each row execute function mesh.on_arrival();
        alter table mesh.change enable replica trigger on_arrival;
    end if;
end $$;

-- Updates of a row whose insert can't come any more: the row was deleted, and the delete is no longer in the log.
create or replace function mesh.forget_unborn(a_tbl text, a_key text) returns void language plpgsql as $$
declare lost mesh.change; nobody mesh.change;
begin
    perform mesh.place(a_tbl, a_key, null);
    if exists (select from mesh.parked p where p.tbl = a_tbl and p.key = a_key and p.reason = 'unborn') then
        for lost in select * from mesh.change x where x.tbl = a_tbl and x.key = a_key loop
            perform mesh.note_conflict(lost, nobody);
        end loop;
        delete from mesh.parked p where p.tbl = a_tbl and p.key = a_key;
    end if;
end $$;

-- Try again what is parked: schema changes oldest first, then rows newest first. Called each second by the agent,
-- in an ordinary session of the superuser. Of very many it takes some by chance, so that no turn lasts long; the order
-- only makes it quicker. Returns how many keys are still parked.
create or replace function mesh.sweep() returns bigint language plpgsql
set search_path = pg_catalog, pg_temp set timezone = 'UTC' set datestyle = 'ISO' set intervalstyle = 'postgres'
set extra_float_digits = 1 set bytea_output = 'hex' set jit = off set row_security = off
as $$
declare p record; c mesh.change; share float;
begin
    if not exists (select from mesh.parked) or not pg_try_advisory_xact_lock(hashtext('mesh.sweep')) then
        return (select count(*) from mesh.parked);
    end if;
    perform set_config('session_replication_role', 'replica', true);
    select 500.0 / greatest(count(*), 500) into share from mesh.parked;
    for p in select k.*, x as change from mesh.parked k join mesh.change x
             on x.origin = case when k.reason = 'schema' then split_part(k.key, ':', 1)::smallint end
             and x.seq = case when k.reason = 'schema' then split_part(k.key, ':', 2)::bigint end
             order by x.hlc, x.origin, x.seq loop
        c := p.change;
        perform mesh.apply_schema(c);
    end loop;
    for p in select k.tbl, k.key, k.reason, k.horizon, r.rel, r.tbl is not null as known, v.hlc
             from mesh.parked k left join mesh.replicated r on r.tbl = k.tbl, mesh.version_of(k.tbl, k.key) v
             where k.reason <> 'schema' and random() < share order by v.hlc desc, v.origin desc, k.key collate "C" desc loop
        begin
            if p.known and p.rel is null then        -- the table was dropped
                delete from mesh.parked k where k.tbl = p.tbl and k.key = p.key;
            elsif not p.known then
                null;
            elsif p.reason = 'unborn' and p.hlc <= mesh.watermark() then
                perform mesh.forget_unborn(p.tbl, p.key);
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
        exception when lock_not_available then   -- in use for longer than the caller will wait: next time
            null;
        end;
    end loop;
    perform set_config('session_replication_role', 'origin', true);
    return (select count(*) from mesh.parked);
end $$;
