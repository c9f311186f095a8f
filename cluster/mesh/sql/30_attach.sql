-- Per table: the capture triggers and the static functions that merging calls. Written by mesh.attach()
-- whenever a table is made or altered, so that no dynamic SQL runs for an ordinary change.

create or replace function mesh.gate_is_open() returns boolean language plpgsql stable security definer
set search_path = pg_catalog, pg_temp as $$
begin
    return exists (select from mesh.gate g where g.started = pg_postmaster_start_time());
end $$;

create or replace function mesh.must_be_admitted() returns void language plpgsql as $$
begin
    if not mesh.gate_is_open() then
        raise exception 'this node has not been admitted since its Postgres started: it may lack what its peers have of it'
            using errcode = 'cannot_connect_now', hint = 'its agent compares it with the peers within seconds; see docs/operations/members.md';
    end if;
end $$;

create or replace function mesh.open_gate() returns void language sql as $$
    insert into mesh.gate (started) values (pg_postmaster_start_time())
    on conflict (one) do update set started = excluded.started where gate.started <> excluded.started
$$;

-- {alias}'s columns as one jsonb of text forms; in parts of 40 columns, as functions take 100 arguments.
-- logged: by the names that they have in the log of this table.
drop function if exists mesh.encode_sql(oid, text);
create or replace function mesh.encode_sql(rel oid, alias text, logged text default null) returns text language sql stable as $$
    select string_agg(part, ' || ' order by n) from (
        select (num_in_row - 1) / 40 as n,
            'jsonb_build_object(' || string_agg(format('%L, %s.%I::text', case when logged is null then name else mesh.name_in_log(logged, name) end,
                                                       alias, name), ', ' order by num_in_row) || ')' as part
        from (select name, row_number() over (order by num) as num_in_row from mesh.columns_of(rel)) c group by 1) p
$$;

-- Foreign keys of one table, as they are now.
create or replace function mesh.note_references(a_tbl text, a_rel oid) returns void language plpgsql as $$
begin
    delete from mesh.reference f where f.tbl = a_tbl;
    insert into mesh.reference (tbl, name, columns, to_tbl, to_rel, to_columns)
        select a_tbl, x.conname, c.names, r.tbl, r.rel::regclass::text, p.names
        from pg_constraint x join mesh.replicated r on r.rel = x.confrelid
        cross join lateral (select array_agg(a.attname::text order by u.o) as names from unnest(x.conkey) with ordinality u(n, o)
            join pg_attribute a on a.attrelid = x.conrelid and a.attnum = u.n) c
        cross join lateral (select array_agg(a.attname::text order by u.o) as names from unnest(x.confkey) with ordinality u(n, o)
            join pg_attribute a on a.attrelid = x.confrelid and a.attnum = u.n) p
        where x.conrelid = a_rel and x.contype = 'f';
    with recursive reach as (
        select f.tbl, f.to_tbl from mesh.reference f
        union select r.tbl, f.to_tbl from reach r join mesh.reference f on f.tbl = r.to_tbl)
    update mesh.reference f set cyclic = c.cyclic
        from (select x.tbl, x.name, exists (select from reach r where r.tbl = x.to_tbl and r.to_tbl = x.tbl) as cyclic from mesh.reference x) c
        where c.tbl = f.tbl and c.name = f.name and f.cyclic <> c.cyclic;
end $$;

create or replace function mesh.is_immutable(expression text, type text) returns boolean language plpgsql as $$
begin
    execute format('create temp table mesh_probe (c %s generated always as (%s) stored)', type, expression);
    drop table pg_temp.mesh_probe;
    return true;
exception when invalid_object_definition then
    return false;
end $$;

-- Changes that name a column `was` mean `now` (null: nothing that is still there), unless that name is another's in the log;
-- and so do rows that wait.
create or replace function mesh.rename_column(a_tbl text, was text, a_now text) returns void language sql as $$
    update mesh.renamed r set now = a_now where r.tbl = a_tbl and r.now = was;
    insert into mesh.renamed values (a_tbl, was, a_now) on conflict (tbl, name) do nothing;
    update mesh.parked p set row = p.row - was || case when a_now is null then '{}' else jsonb_build_object(a_now, p.row->was) end
        where p.tbl = a_tbl and p.row ? was;
$$;

-- What became of a table's columns since they were last looked at: some are new, some have another name. A row from before is
-- given in a new column what Postgres gave the rows that were here, on whichever node it was written.
create or replace function mesh.note_columns(a_tbl text, a_rel oid) returns void language plpgsql
set timezone = 'UTC' set datestyle = 'ISO' set intervalstyle = 'postgres' set extra_float_digits = 1 set bytea_output = 'hex' as $$
declare c record; known jsonb; populated boolean;
begin
    select r.columns into known from mesh.replicated r where r.tbl = a_tbl and r.columns_rel = a_rel;
    if known is not null then
        for c in select e.value as was from jsonb_each_text(known) e
                 where not exists (select from mesh.columns_of(a_rel) m where m.num = e.key::int) loop
            perform mesh.rename_column(a_tbl, c.was, null);
            delete from mesh.added x where x.tbl = a_tbl and x.name = c.was;
        end loop;
        for c in select m.*, a.attidentity, (a.attmissingval::text::text[])[1] as missing, known->>m.num::text as was
                 from mesh.columns_of(a_rel) m join pg_attribute a on a.attrelid = a_rel and a.attnum = m.num
                 where known->>m.num::text is distinct from m.name loop
            if c.was is not null then
                perform mesh.rename_column(a_tbl, c.was, c.name);
                update mesh.added x set name = c.name where x.tbl = a_tbl and x.name = c.was;
                continue;
            end if;
            insert into mesh.added values (a_tbl, c.name, c.missing) on conflict (tbl, name) do update set value = excluded.value;
            if current_setting('mesh.ddl', true) = 'on' and (c.attidentity <> '' or c.fallback is not null and not mesh.is_immutable(c.fallback, c.type)) then
                execute format('select exists (select from %s)', a_rel::regclass) into populated;
                if populated then
                    raise exception 'column % of table % has the default %, which would be another value on each node for the rows that are there',
                            c.name, a_rel::regclass, coalesce(c.fallback, 'of an identity')
                        using hint = 'add it without a default, fill it with an UPDATE, then set the default';
                end if;
            end if;
        end loop;
        delete from mesh.renamed r where r.tbl = a_tbl and r.name = r.now;
        for c in select m.name, (select min(n) from generate_series(2, 1600) n
                                 where not exists (select from mesh.renamed r where r.tbl = a_tbl and r.name = m.name || '~' || n)) as n
                 from mesh.columns_of(a_rel) m
                 where exists (select from mesh.renamed r where r.tbl = a_tbl and r.name = m.name) and mesh.name_in_log(a_tbl, m.name) = m.name loop
            perform mesh.rename_column(a_tbl, c.name || '~' || c.n, c.name);
        end loop;
    end if;
    update mesh.replicated r set columns_rel = a_rel, columns = (select jsonb_object_agg(m.num, m.name) from mesh.columns_of(a_rel) m)
        where r.tbl = a_tbl;
end $$;

-- around: look at the tables at the other ends of its foreign keys too.
drop function if exists mesh.attach(oid);
create or replace function mesh.attach(a_rel oid, around boolean default true) returns void language plpgsql security definer
set search_path = pg_catalog, pg_temp as $$
declare
    t text; name text := (select relname from pg_class where oid = a_rel); n int := 1;
    rel text := a_rel::regclass::text;
    pk text[]; key_of text; key_match text; key_new text; encode text; diff text; decode text; sets text;
    columns text; defaults text; names text; same_names text; apart text; by_value boolean; f record; neighbour regclass;
    settings text := 'set search_path = pg_catalog, pg_temp set timezone = ''UTC'' set datestyle = ''ISO'' set intervalstyle = ''postgres'''
        ' set extra_float_digits = 1 set bytea_output = ''hex'' set enable_seqscan = off set enable_nestloop = off set jit = off set row_security = off';
begin
    select array_agg(a.attname::text order by u.o) into pk
        from pg_index i, unnest(i.indkey::int2[]) with ordinality u(attnum, o), pg_attribute a
        where i.indrelid = a_rel and i.indisprimary and a.attrelid = a_rel and a.attnum = u.attnum;
    if exists (select from pg_index i where i.indrelid = a_rel and i.indisprimary and not i.indimmediate) then
        raise exception 'the primary key of table % is deferrable: a row could not be found by it at once', rel
            using hint = 'make the primary key not deferrable; other unique constraints may be';
    end if;
    if pk is null and exists (select from mesh.replicated r where r.rel = a_rel) then
        -- Lost its key for the moment, as when a migration gives it another one. Nothing can be written until it has one.
        select r.tbl into t from mesh.replicated r where r.rel = a_rel;
        execute format('create or replace function mesh.%I() returns trigger language plpgsql as $b$ begin
            raise exception ''table %% has no primary key, so its rows could not be told apart on other nodes'', tg_relid::regclass
                using hint = ''give it a primary key before anything is written''; end $b$', mesh.function_name('capture', t));
        return;
    end if;
    if pk is null then
        raise exception 'table % has no primary key, so its rows could not be told apart on other nodes', rel
            using hint = 'give it a primary key; every replicated table needs one';
    end if;
    select r.tbl into t from mesh.replicated r where r.rel = a_rel;
    if t is null then
        t := name;
        while exists (select from mesh.replicated r where r.tbl = t and r.rel is distinct from a_rel) loop
            n := n + 1;
            t := name || '~' || n;
        end loop;
        insert into mesh.replicated values (t, a_rel, pk, '', '');
    end if;

    perform mesh.note_columns(t, a_rel);
    perform mesh.note_references(t, a_rel);
    by_value := exists (select from mesh.reference g where g.to_tbl = t and g.to_columns <> pk);

    if array_length(pk, 1) = 1 then
        select format(case when y.typcategory in ('N', 'D', 'B') or y.typname = 'uuid' then '$R.%I::text' else 'mesh.escaped($R.%I::text)' end, c.name),
               format(case when y.typcategory in ('N', 'D', 'B') or y.typname = 'uuid' then 't.%I = mesh_key::%s'
                           else 't.%I = mesh.unescaped(mesh_key)::%s' end, c.name, c.type)
            into key_of, key_match from mesh.columns_of(a_rel) c join pg_attribute a on a.attrelid = a_rel and a.attnum = c.num
            join pg_type y on y.oid = a.atttypid where c.name = pk[1];
    else
        select 'jsonb_build_array(' || string_agg(format('$R.%I::text', p), ', ' order by o) || ')::text' into key_of
            from unnest(pk) with ordinality u(p, o);
        select string_agg(format('t.%I = (mesh_key::jsonb->>%s)::%s', c.name, o - 1, c.type), ' and ' order by o) into key_match
            from unnest(pk) with ordinality u(p, o) join mesh.columns_of(a_rel) c on c.name = u.p;
    end if;
    key_new := replace(key_of, '$R', 'mesh_n');
    encode := mesh.encode_sql(a_rel, 'mesh_n', t);
    select string_agg(format('case when row(mesh_n.%1$I)::record *<> row(mesh_o.%1$I)::record then jsonb_build_object(%2$L, mesh_n.%1$I::text) else ''{}'' end', c.name, mesh.name_in_log(t, c.name)), ' || ' order by num),
           string_agg(format('($1->>%L)::%s as %I', c.name, c.type, c.name), ', ' order by num),
           string_agg(format('%1$I = case when mesh_row ? %2$L then (mesh_row->>%2$L)::%3$s else t.%1$I end', c.name, c.name, c.type), ', ' order by num)
               filter (where not c.name = any (pk)),
           string_agg(format('%I', c.name), ', ' order by num),
           string_agg(case when x.name is not null then format('case when mesh_row ? %1$L then (mesh_row->>%1$L)::%2$s else %3$L::%2$s end', c.name, c.type, x.value)
                           when c.fallback is null or c.fallback like 'nextval(%' then format('(mesh_row->>%L)::%s', c.name, c.type)
                           else format('case when mesh_row ? %1$L then (mesh_row->>%1$L)::%2$s else %3$s end', c.name, c.type, c.fallback) end, ', ' order by num),
           'array[' || string_agg(quote_literal(c.name), ', ' order by num) || ']',
           'array[' || string_agg(quote_literal(c.name), ', ' order by num) filter (where mesh.name_in_log(t, c.name) = c.name) || ']::text[]'
        into diff, decode, sets, columns, defaults, names, same_names from mesh.columns_of(a_rel) c left join mesh.added x on x.tbl = t and x.name = c.name;

    update mesh.replicated r set key_columns = pk, key_sql = replace(key_of, '$R', 't'), decode_sql = 'select ' || decode,
        late = exists (select from mesh.exclusive_indexes(a_rel) x where x.late)
        where r.tbl = t;
    execute format('create or replace function mesh.%I(mesh_key text) returns jsonb language plpgsql as $b$
        declare answer jsonb; begin select %s into answer from %s t where %s for update; return answer; end $b$',
        mesh.function_name('read', t), mesh.encode_sql(a_rel, 't'), rel, key_match);
    execute format('create or replace function mesh.%I(mesh_key text, dead boolean) returns jsonb language plpgsql as $b$
        declare answer jsonb; begin
            delete from %s t where %s returning %s into answer;
            if answer is not null and exists (select from mesh.reference f where f.to_tbl = %L) then
                perform mesh.orphan_children(%5$L, answer, dead);
            end if;
            return answer; end $b$',
        mesh.function_name('remove', t), rel, key_match, mesh.encode_sql(a_rel, 't'), t);
    -- What Postgres leaves out in replica role: foreign keys, and constraints that may wait for the commit. Both are looked at
    -- after the write, when this row is there for others to find.
    for f in select * from mesh.reference x where x.tbl = t order by x.name loop
        apart := concat(apart, format('
            if mesh_row ?| %1$L and exists (select from %2$s t where %3$s and %4$s and not exists (select from %5$s p where %6$s for key share)) then
                if not exists (select from mesh.reference f where f.tbl = %7$L and f.name = %8$L and f.cyclic and mesh.is_parked_alive(f, mesh_key, mesh.%9$I(mesh_key))) then
                    raise exception using errcode = ''MB002'', message = %8$L;
                end if;
            end if;', f.columns, rel, key_match,
            (select string_agg(format('t.%I is not null', c), ' and ') from unnest(f.columns) c),
            (select r.rel::regclass from mesh.replicated r where r.tbl = f.to_tbl),
            (select string_agg(format('p.%I = t.%I', u.p, u.c), ' and ') from unnest(f.columns, f.to_columns) u(c, p)), t, f.name, mesh.function_name('read', t)));
    end loop;
    for f in select * from mesh.exclusive_indexes(a_rel) x where x.late loop
        apart := concat(apart, format('
            if exists (select from %1$s t, (select %2$s from %1$s t where %3$s%4$s) w where %5$s%4$s and not (%3$s)) then
                raise unique_violation using constraint = %6$L, message = %6$L;
            end if;', rel, f.values_sql, key_match, coalesce(' and ' || f.predicate, ''), f.same_sql, f.name));
    end loop;
    -- live: the row is there, and locked by who calls. false: it is not as was said, somebody inserted the key meanwhile. What was
    -- worked out for a row that was not there must not be written over one that is by now.
    execute format('drop function if exists mesh.%I(text, jsonb)', mesh.function_name('write', t));
    execute format('create or replace function mesh.%I(mesh_key text, mesh_row jsonb, live boolean) returns boolean language plpgsql as $b$ declare old jsonb; begin
            if live then
                %s %s
            else
                insert into %s (%s) overriding system value values (%s) on conflict (%s) do nothing;
            end if;
            if not found then return false; end if; %s %s
            return true; end $b$',
        mesh.function_name('write', t),
        case when by_value then format('old := mesh.%I(mesh_key);', mesh.function_name('read', t)) end,
        case when sets is null then format('perform from %s t where %s for update;', rel, key_match)
             else format('update %s t set %s where %s;', rel, sets, key_match) end,
        rel, columns, defaults, (select string_agg(format('%I', p), ', ' order by o) from unnest(pk) with ordinality u(p, o)), apart,
        -- others refer to this table by more than its key: a value that changed leaves them behind
        case when by_value then format('if old is not null and not old @> mesh_row then perform mesh.orphan_children(%L, old, true, mesh.%I(mesh_key)); end if;', t, mesh.function_name('read', t)) end);

    -- An arriving change: apply it as it is if it is the newest of its key and the row stands where it should.
    execute format('create or replace function mesh.%6$I(c mesh.change) returns void language plpgsql as $b$
        declare mesh_key text := c.key; mesh_row jsonb := c.row; live boolean; newer boolean; begin
            if c.kind <> ''D'' and mesh_row - %8$s <> ''{}'' then
                mesh_row := mesh.translated(%2$L, mesh_row);
            end if;
            if c.kind <> ''D'' and mesh_row - %1$s <> ''{}'' then
                perform mesh.settle(%2$L, mesh_key, c);
                perform mesh.park(%2$L, mesh_key, ''column'', ''a column is not here yet'');
                return;
            end if;
            perform from %3$s t where %4$s for update;
            live := found;
            newer := exists (select from mesh.change x where x.tbl = %2$L and x.key = mesh_key and (x.hlc, x.origin) > (c.hlc, c.origin));
            if (live = (c.kind = ''I''))
                    or newer and (c.kind <> ''U'' or exists (select from mesh.change x where x.tbl = %2$L and x.key = mesh_key and (x.hlc, x.origin) > (c.hlc, c.origin) and x.kind <> ''U''))
                    or exists (select from mesh.change x where x.tbl = %2$L and x.key = ''*'' and (x.hlc, x.origin) > (c.hlc, c.origin))
                    or exists (select from mesh.parked p where p.tbl = %2$L and p.key = mesh_key) then
                perform mesh.settle(%2$L, mesh_key, c);
            elsif newer then                     -- only updates are: the row stands as they left it, and gets what none of them wrote
                mesh_row := mesh_row - array(select jsonb_object_keys(mesh.translated(%2$L, x.row)) from mesh.change x
                    where x.tbl = %2$L and x.key = mesh_key and (x.hlc, x.origin) > (c.hlc, c.origin));
                if mesh_row <> ''{}'' then
                    perform mesh.%5$I(mesh_key, mesh_row, true);
                end if;
            elsif c.kind = ''D'' then
                perform mesh.%7$I(mesh_key, true);
            elsif not mesh.%5$I(mesh_key, mesh_row, live) then
                perform mesh.settle(%2$L, mesh_key, c);
            elsif not live then                  -- nobody else can touch the key only now: what came before that counts
                newer := exists (select from mesh.change x where x.tbl = %2$L and x.key = mesh_key and (x.hlc, x.origin) > (c.hlc, c.origin));
                if newer then
                    perform mesh.settle(%2$L, mesh_key, c);
                end if;
            end if;
        end $b$', names, t, rel, key_match, mesh.function_name('write', t), mesh.function_name('merge', t), mesh.function_name('remove', t), coalesce(same_names, '''{}''::text[]'));

    execute format('create or replace function mesh.%1$I() returns trigger language plpgsql security definer %2$s as $b$
        declare mesh_at bigint := greatest(mesh.next_hlc(), (select max(x.hlc) + 1 from mesh.change x where x.tbl = %3$L and x.key = ''*''));
            mesh_seen bigint := (select last_value - 1 from mesh.pruned_to); -- what is not in the log was seen by all
        begin
            perform mesh.must_be_admitted();
            if tg_op = ''INSERT'' then
                insert into mesh.change select %4$s, nextval(''mesh.change_seq''), greatest(mesh_at, v.hlc + 1), %3$L, %5$s, ''I'', %6$s, coalesce(v.hlc, mesh_seen), coalesce(v.origin, 15::smallint),
                        pg_current_xact_id()::text::bigint, current_setting(''mesh.actor'', true), current_setting(''mesh.request'', true)
                    from new_rows mesh_n left join lateral (select x.hlc, x.origin from mesh.change x where x.tbl = %3$L and x.key = %5$s
                        order by x.hlc desc, x.origin desc limit 1) v on true;
                if exists (select from mesh.parked) then
                    delete from mesh.parked p where p.tbl = %3$L and p.key in (select %5$s from new_rows mesh_n);
                end if;
            elsif tg_op = ''UPDATE'' then
                insert into mesh.change select %4$s, nextval(''mesh.change_seq''), greatest(mesh_at, v.hlc + 1), %3$L, d.key, d.kind, d.row, coalesce(v.hlc, mesh_seen), coalesce(v.origin, 15::smallint),
                        pg_current_xact_id()::text::bigint, current_setting(''mesh.actor'', true), current_setting(''mesh.request'', true)
                    from (
                        select %5$s as key, ''U''::"char" as kind, %8$s as row from new_rows mesh_n join old_rows mesh_o on %5$s = %7$s
                        union all select %7$s, ''D'', %9$s from old_rows mesh_o left join new_rows mesh_n on %5$s = %7$s where mesh_n.%10$I is null
                        union all select %5$s, ''I'', %6$s from new_rows mesh_n left join old_rows mesh_o on %5$s = %7$s where mesh_o.%10$I is null) d
                    left join lateral (select x.hlc, x.origin from mesh.change x where x.tbl = %3$L and x.key = d.key
                        order by x.hlc desc, x.origin desc limit 1) v on true
                    where d.row <> ''{}'';
            elsif tg_op = ''DELETE'' then
                insert into mesh.change select %4$s, nextval(''mesh.change_seq''), greatest(mesh_at, v.hlc + 1), %3$L, %7$s, ''D'', %9$s, coalesce(v.hlc, mesh_seen), coalesce(v.origin, 15::smallint),
                        pg_current_xact_id()::text::bigint, current_setting(''mesh.actor'', true), current_setting(''mesh.request'', true)
                    from old_rows mesh_o left join lateral (select x.hlc, x.origin from mesh.change x where x.tbl = %3$L and x.key = %7$s
                        order by x.hlc desc, x.origin desc limit 1) v on true;
            else
                insert into mesh.change values (%4$s, nextval(''mesh.change_seq''), greatest(mesh_at, (select max(x.hlc) + 1 from mesh.change x where x.tbl = %3$L)),
                    %3$L, ''*'', ''T'', null, null, null,
                    pg_current_xact_id()::text::bigint, current_setting(''mesh.actor'', true), current_setting(''mesh.request'', true));
                delete from mesh.parked p where p.tbl = %3$L;
            end if;
            return null;
        end $b$', mesh.function_name('capture', t), settings, t, mesh.me(), key_new, encode, replace(key_of, '$R', 'mesh_o'), diff, mesh.encode_sql(a_rel, 'mesh_o', t), pk[1]);
    if not exists (select from pg_trigger where tgrelid = a_rel and tgname = 'mesh_insert') then
        execute format('create trigger mesh_insert after insert on %s referencing new table as new_rows for each statement execute function mesh.%I()', rel, mesh.function_name('capture', t));
        execute format('create trigger mesh_update after update on %s referencing old table as old_rows new table as new_rows for each statement execute function mesh.%I()', rel, mesh.function_name('capture', t));
        execute format('create trigger mesh_delete after delete on %s referencing old table as old_rows for each statement execute function mesh.%I()', rel, mesh.function_name('capture', t));
        execute format('create trigger mesh_truncate after truncate on %s for each statement execute function mesh.%I()', rel, mesh.function_name('capture', t));
    end if;
    perform mesh.write_dispatcher();
    if around then
        for neighbour in
            select r.rel::regclass from mesh.reference g join mesh.replicated r on r.tbl = g.tbl
                where g.to_tbl = t and g.tbl <> t and (g.to_rel <> a_rel::regclass::text or not g.to_columns <@ (select array_agg(c.name) from mesh.columns_of(a_rel) c))
            union select r.rel::regclass from mesh.reference g join mesh.replicated r on r.tbl = g.to_tbl
                where g.tbl = t and g.to_tbl <> t and g.to_columns <> r.key_columns loop
            perform mesh.attach(neighbour, false);
        end loop;
    end if;
end $$;

create or replace function mesh.has_all_columns(a_tbl text, a_key text) returns boolean language sql stable as $$
    select not exists (select from mesh.change c, jsonb_object_keys(mesh.translated(a_tbl, c.row)) k
        where c.tbl = a_tbl and c.key = a_key and c.kind in ('I', 'U')
        and k not in (select name from mesh.columns_of((select rel from mesh.replicated where tbl = a_tbl))))
$$;

-- mesh.merge(change): static calls to the tables' merge functions. The table is locked before: a schema change that is
-- about to be committed must be waited for first, since the function and what columns are called are others afterwards.
create or replace function mesh.write_dispatcher() returns void language plpgsql as $$
declare branches text;
begin
    select string_agg(format('when %L then perform from %s limit 0; perform mesh.%I(c);', tbl, rel::regclass, mesh.function_name('merge', tbl)), E'\n' order by tbl) into branches
        from mesh.replicated where rel is not null;
    execute 'create or replace function mesh.merge(c mesh.change) returns void language plpgsql as $b$ begin
        if c.kind = ''T'' then perform mesh.merge_truncate(c); return; end if;
        case c.tbl ' || coalesce(branches, 'when '''' then null;') || '
        else perform mesh.park(c.tbl, c.key, ''table'', ''there is no such table here yet''); end case; end $b$';
end $$;
