{#-
    Who did something, as one text, from what a commit or an issue tells: the account's numeric id, else its
    login, else the e-mail address, else the name. Addresses that many people share identify nobody; the web
    interface's own one is kept, since it names the committer of every merge made there.
-#}
{% macro identity_of(account_id, login, email, name) -%}
    coalesce({{ account_identity_of(account_id, login) }}, {{ git_identity_of(email, name) }})
{%- endmacro %}

{% macro git_identity_of(email, name) -%}
    case
        when {{ is_personal_email(email) }} then concat('email:', {{ email }})
        when {{ email }} = 'noreply@github.com' and lower({{ name }}) = 'github'
            then 'email:noreply@github.com'
        when {{ name }} is not null then concat('name:', lower({{ single_spaced(name) }}))
    end
{%- endmacro %}

{#- Whether an e-mail address (lower case) can be one person's. Null counts as not. -#}
{% macro is_personal_email(email) -%}
    (
        coalesce({{ email }}, '') like '%_@_%'
        and {{ email }} not like 'root@%'
        and {{ email }} not like '%@localhost'
        and {{ email }} not like '%@localhost.localdomain'
        and {{ email }} not in (
            'noreply@github.com', 'you@example.com', 'your-email@example.com',
            'your.email@example.com', 'your_email@example.com', 'youremail@example.com',
            'email@example.com', 'user@example.com', 'name@example.com', 'none@none',
            'unknown@unknown', 'nobody@nowhere'
        )
    )
{%- endmacro %}

{#- The parts of GitHub's noreply addresses: 123+login@users.noreply.github.com, or the older login@… -#}
{% macro noreply_account_id(email) -%}
    try_cast({{ regex_group(email, '^(\\d+)\\+[^@]+@users\\.noreply\\.github\\.com$') }} as bigint)
{%- endmacro %}

{% macro noreply_login(email) -%}
    {{ regex_group(email, '^(?:\\d+\\+)?([^@+]+)@users\\.noreply\\.github\\.com$') }}
{%- endmacro %}

{#- What people.csv names, as an identity: digits are an account's id, an @ makes an address, the rest is a login. -#}
{% macro people_identity(value, login_identity) -%}
    case
        when coalesce({{ value }}, '') = '' then null
        when try_cast({{ value }} as bigint) is not null then concat('account:', {{ value }})
        when {{ value }} like '%@%' then concat('email:', lower({{ value }}))
        else coalesce({{ login_identity }}, concat('login:', lower({{ value }})))
    end
{%- endmacro %}

{% macro account_identity_of(account_id, login) -%}
    case
        when {{ account_id }} is not null
            then concat('account:', cast({{ account_id }} as {{ dbt.type_string() }}))
        when {{ login }} is not null then concat('login:', lower({{ login }}))
    end
{%- endmacro %}

{#- Who opened an issue: no account at all is a deleted one, GitHub's ghost. -#}
{% macro user_of(account_id, login, identities) -%}
    case
        when {{ account_id }} is null and {{ login }} is null then -2
        else coalesce({{ identities }}.user_key, -1)
    end
{%- endmacro %}

{#-
    The other way round: what people.csv calls a user, its login, else its account's id or its address. Where
    the user's login is also the other one's, as after a login was given away, only the id can tell them apart.
-#}
{% macro people_csv_name(users, others) -%}
    case
        when lower({{ users }}.user_login) <> lower(coalesce({{ others }}.user_login, ''))
            then {{ users }}.user_login
        else substr({{ users }}.resolved_identity, position(':' in {{ users }}.resolved_identity) + 1)
    end
{%- endmacro %}
