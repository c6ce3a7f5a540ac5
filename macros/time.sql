{#-
    A time as the API writes it (2025-07-28T03:00:11Z) as a naive UTC timestamp; without an offset it is taken as
    UTC. What is no time gives null, and so does one outside the years 1 to 9999, which DuckDB reads and clients
    do not (infinity, 10000-01-01): an absurd date never stops a load.
-#}
{% macro utc_timestamp(text) -%}
    {%- set moment = parsed_utc(text) -%}
    case
        when
            {{ moment }} >= cast('0001-01-01 00:00:00' as timestamp)
            and {{ moment }} <= cast('9999-12-31 23:59:59.999999' as timestamp)
            then {{ moment }}
    end
{%- endmacro %}

{% macro parsed_utc(text) -%}
    {{ return(adapter.dispatch('parsed_utc')(text)) }}
{%- endmacro %}

{#- DuckDB drops an offset when it casts to timestamp, so only texts in Z may take the quick way. -#}
{% macro default__parsed_utc(text) -%}
    case
        when {{ text }} like '%Z' then try_cast({{ text }} as timestamp)
        else try_cast({{ text }} as timestamptz) at time zone 'UTC'
    end
{%- endmacro %}

{% macro snowflake__parsed_utc(text) -%}
    convert_timezone('UTC', try_to_timestamp_tz({{ text }}))::timestamp_ntz
{%- endmacro %}

{% macro spark__parsed_utc(text) -%}
    cast(to_utc_timestamp(try_cast({{ text }} as timestamp), current_timezone()) as timestamp_ntz)
{%- endmacro %}

{#- Days from one timestamp to a later one, with fractions: no counting of midnights. -#}
{% macro days_between(earlier, later) -%}
    {{ return(adapter.dispatch('days_between')(earlier, later)) }}
{%- endmacro %}

{% macro default__days_between(earlier, later) -%}
    epoch({{ later }} - {{ earlier }}) / 86400.0
{%- endmacro %}

{% macro snowflake__days_between(earlier, later) -%}
    timestampdiff(second, {{ earlier }}, {{ later }}) / 86400.0
{%- endmacro %}

{% macro spark__days_between(earlier, later) -%}
    timestampdiff(second, {{ earlier }}, {{ later }}) / 86400.0
{%- endmacro %}

{#- Whole days from one day to a later one; a clock that runs ahead makes no negative age. -#}
{% macro whole_days_between(earlier, later) -%}
    {%- set first_day = "cast(" ~ earlier ~ " as date)" -%}
    {%- set last_day = "cast(" ~ later ~ " as date)" -%}
    cast(
        case when {{ last_day }} < {{ first_day }} then 0 else {{ dbt.datediff(first_day, last_day, "day") }} end
        as integer
    )
{%- endmacro %}

{#- yyyymmdd and yyyymm of a date or timestamp. -#}
{% macro date_key(moment) -%}
    cast(
        extract(year from {{ moment }}) * 10000
        + extract(month from {{ moment }}) * 100
        + extract(day from {{ moment }}) as integer
    )
{%- endmacro %}

{% macro month_key(moment) -%}
    cast(extract(year from {{ moment }}) * 100 + extract(month from {{ moment }}) as integer)
{%- endmacro %}

{#-
    The days that gold has room for: dim_date never holds more than these, whatever dates come. A time before
    the first cannot be believed, and a server's clock is brought back to the nearest of them.
-#}
{% macro first_day_of_gold() -%} cast('1990-01-01' as date) {%- endmacro %}

{% macro last_day_of_gold() -%} cast('2099-12-31' as date) {%- endmacro %}

{% macro day_of_gold(day) -%}
    case
        when {{ day }} < {{ first_day_of_gold() }} then {{ first_day_of_gold() }}
        when {{ day }} > {{ last_day_of_gold() }} then {{ last_day_of_gold() }}
        else {{ day }}
    end
{%- endmacro %}

{#-
    Whether a time can be believed: not before 1990, and not later than the repository's last_plausible_date.
    Null counts as not.
-#}
{% macro is_plausible_time(moment, last_plausible_date) -%}
    coalesce(
        {{ moment }} >= cast({{ first_day_of_gold() }} as timestamp)
        and {{ moment }} < cast({{ dbt.dateadd("day", 1, last_plausible_date) }} as timestamp),
        false
    )
{%- endmacro %}

{#- The keys of an event in facts: -1 where its time is unknown or absurd. -#}
{% macro event_date_key(moment, last_plausible_date) -%}
    case when {{ is_plausible_time(moment, last_plausible_date) }} then {{ date_key(moment) }} else -1 end
{%- endmacro %}

{% macro event_month_key(moment, last_plausible_date) -%}
    case when {{ is_plausible_time(moment, last_plausible_date) }} then {{ month_key(moment) }} else -1 end
{%- endmacro %}

{#- ISO 8601 parts of a date: week 1 to 53, the year that the week belongs to, day 1 (Monday) to 7. -#}
{% macro iso_part(part, moment) -%}
    {{ return(adapter.dispatch('iso_part')(part, moment)) }}
{%- endmacro %}

{% macro default__iso_part(part, moment) -%}
    cast(extract({{ {"week": "week", "year": "isoyear", "day": "isodow"}[part] }} from {{ moment }}) as integer)
{%- endmacro %}

{% macro snowflake__iso_part(part, moment) -%}
    cast(extract({{ {"week": "weekiso", "year": "yearofweekiso", "day": "dayofweekiso"}[part] }} from {{ moment }}) as integer)
{%- endmacro %}

{% macro spark__iso_part(part, moment) -%}
    cast(extract({{ {"week": "week", "year": "yearofweek", "day": "dayofweek_iso"}[part] }} from {{ moment }}) as integer)
{%- endmacro %}

{#- A whole select: the numbers from 0 to 10^digits - 1, as number. -#}
{% macro numbers(digits) -%}
    select
        {% for place in range(digits) -%}
        {{ "+ " if not loop.first }}place_{{ place }}.digit * {{ 10 ** place }}
        {% endfor -%}
        as number
    from
        {% for place in range(digits) -%}
        {{ "cross join " if not loop.first -}}
        (values (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)) as place_{{ place }} (digit)
        {% endfor -%}
{%- endmacro %}
