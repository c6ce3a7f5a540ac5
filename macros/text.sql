{#- Text as people read it: no NUL characters (DuckDB keeps them, other tools cut at them), no space around. -#}
{% macro clean_text(text) -%}
    nullif(trim(replace({{ text }}, chr(0), '')), '')
{%- endmacro %}

{#- The first line of a text that has any. -#}
{% macro first_line(text) -%}
    {{ return(adapter.dispatch('first_line')(text)) }}
{%- endmacro %}

{% macro default__first_line(text) -%}
    nullif(trim(split_part(trim(replace(replace({{ text }}, chr(0), ''), chr(13), ''), chr(10)), chr(10), 1)), '')
{%- endmacro %}

{% macro spark__first_line(text) -%}
    nullif(trim(split_part(btrim(replace(replace({{ text }}, chr(0), ''), chr(13), ''), chr(10)), chr(10), 1)), '')
{%- endmacro %}

{#- The values of a group as one text, sorted, each once. -#}
{% macro sorted_text_list(value) -%}
    {{ return(adapter.dispatch('sorted_text_list')(value)) }}
{%- endmacro %}

{% macro default__sorted_text_list(value) -%}
    string_agg(distinct {{ value }}, ', ' order by {{ value }})
{%- endmacro %}

{% macro snowflake__sorted_text_list(value) -%}
    listagg(distinct {{ value }}, ', ') within group (order by {{ value }})
{%- endmacro %}

{% macro spark__sorted_text_list(value) -%}
    array_join(array_sort(collect_set({{ value }})), ', ')
{%- endmacro %}

{#- The part of a text that the first group of a regular expression takes; null where it does not match. -#}
{% macro regex_group(text, pattern) -%}
    {{ return(adapter.dispatch('regex_group')(text, pattern)) }}
{%- endmacro %}

{% macro default__regex_group(text, pattern) -%}
    nullif(regexp_extract({{ text }}, '{{ pattern }}', 1), '')
{%- endmacro %}

{% macro snowflake__regex_group(text, pattern) -%}
    regexp_substr({{ text }}, '{{ pattern | replace("\\", "\\\\") }}', 1, 1, 'e', 1)
{%- endmacro %}

{% macro spark__regex_group(text, pattern) -%}
    nullif(regexp_extract({{ text }}, '{{ pattern | replace("\\", "\\\\") }}', 1), '')
{%- endmacro %}

{#- Runs of white space as one space. -#}
{% macro single_spaced(text) -%}
    {{ return(adapter.dispatch('single_spaced')(text)) }}
{%- endmacro %}

{% macro default__single_spaced(text) -%}
    trim(regexp_replace({{ text }}, '\s+', ' ', 'g'))
{%- endmacro %}

{% macro snowflake__single_spaced(text) -%}
    trim(regexp_replace({{ text }}, '\\s+', ' '))
{%- endmacro %}

{% macro spark__single_spaced(text) -%}
    trim(regexp_replace({{ text }}, '\\s+', ' '))
{%- endmacro %}

{#-
    A text with each e-mail address cut down to what stands before its @. An address is a word with a dot
    somewhere after its first @; it goes to the word's end, so that what is left holds no other one.
-#}
{% macro without_email(text) -%}
    {{ return(adapter.dispatch('without_email')(text)) }}
{%- endmacro %}

{% macro default__without_email(text) -%}
    regexp_replace({{ text }}, '([^\s<>@]+)@[^\s<>]*\.[^\s<>]+', '\1', 'g')
{%- endmacro %}

{% macro snowflake__without_email(text) -%}
    regexp_replace({{ text }}, '([^\\s<>@]+)@[^\\s<>]*\\.[^\\s<>]+', '\\1')
{%- endmacro %}

{% macro spark__without_email(text) -%}
    regexp_replace({{ text }}, '([^\\s<>@]+)@[^\\s<>]*\\.[^\\s<>]+', '$1')
{%- endmacro %}

{#-
    The values of the Co-authored-by trailers of a commit message, as a list of texts: any case, LF or CRLF.
    The cheap test first spares nine messages of ten the regular expression.
-#}
{% macro co_author_trailers(message) -%}
    {{ return(adapter.dispatch('co_author_trailers')(message)) }}
{%- endmacro %}

{% macro default__co_author_trailers(message) -%}
    case
        when contains(lower({{ message }}), 'co-authored-by:')
            then regexp_extract_all(
                {{ message }}, '(?im)^co-authored-by:[ \t]*([^\r\n]*<[^>\r\n]*>)[ \t]*\r?$', 1
            )
    end
{%- endmacro %}

{% macro snowflake__co_author_trailers(message) -%}
    regexp_substr_all({{ message }}, '^co-authored-by:[ \\t]*([^\\r\\n]*<[^>\\r\\n]*>)[ \\t]*\\r?$', 1, 1, 'ime', 1)
{%- endmacro %}

{% macro spark__co_author_trailers(message) -%}
    regexp_extract_all({{ message }}, '(?im)^co-authored-by:[ \\t]*([^\\r\\n]*<[^>\\r\\n]*>)[ \\t]*\\r?$', 1)
{%- endmacro %}

{#- A label's words, lower case, with one space around each: kind/bug gives ' kind bug '. -#}
{% macro label_words(text) -%}
    {{ return(adapter.dispatch('label_words')(text)) }}
{%- endmacro %}

{% macro default__label_words(text) -%}
    concat(' ', trim(regexp_replace(lower({{ text }}), '[\s:;,./_|()\[\]-]+', ' ', 'g')), ' ')
{%- endmacro %}

{% macro snowflake__label_words(text) -%}
    concat(' ', trim(regexp_replace(lower({{ text }}), '[\\s:;,./_|()\\[\\]-]+', ' ')), ' ')
{%- endmacro %}

{% macro spark__label_words(text) -%}
    concat(' ', trim(regexp_replace(lower({{ text }}), '[\\s:;,./_|()\\[\\]-]+', ' ')), ' ')
{%- endmacro %}
