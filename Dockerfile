# Two stages: the first has pip and builds a virtual environment from the lock, the second only runs it.
FROM python:3.13-slim AS builder
WORKDIR /src

# Everything the lock names, with hashes and bytecode (without it, importing dbt takes twice as long).
RUN python -m venv --without-pip /app/.venv
COPY requirements.lock ./
RUN pip --python /app/.venv/bin/python install --quiet --no-cache-dir --require-hashes --no-deps --requirement requirements.lock

# Out goes what can never run here: 856 MB become 632. The packages' own tests 74, pyarrow's Flight and S3 48 (the
# landing zone has its own S3 client), pydeck's notebook extension 45 (it comes twice), babel's locales but English
# 31, headers, Cython sources and type stubs 14, zstandard's second backend 12. What stays is polars 170, pyarrow
# 107, DuckDB 65, numpy with OpenBLAS 47, Streamlit 39, pandas 38, and small things; 72 of it all is bytecode.
RUN cd /app/.venv/lib/python3.13/site-packages \
 && find jsonschema networkx numpy pandas pyarrow -type d \( -name tests -o -name include \) -prune -exec rm -rf {} + \
 && find . -type f \( -name '*.pyi' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.pxi' -o -name '*.h' \) -delete \
 && find babel/locale-data -type f ! -name 'root.dat' ! -name 'en*.dat' -delete \
 && rm -rf pydeck/nbextension /app/.venv/share pyarrow/src pyarrow/*_flight*.so* pyarrow/libarrow_s3* \
      pyarrow/_s3fs*.so zstandard/_cffi*.so

# The project itself goes to a folder of its own, so that a new version of it is a small layer; then the
# build backend goes out again.
COPY . ./
RUN pip --python /app/.venv/bin/python install --quiet --no-cache-dir --no-deps --no-build-isolation --root /project . \
 && pip --python /app/.venv/bin/python uninstall --quiet --yes hatchling editables pluggy trove-classifiers


FROM python:3.13-slim
ENV PATH=/app/.venv/bin:$PATH \
    HOME=/tmp \
    TZ=UTC \
    PYTHONUNBUFFERED=1 \
    DBT_LOG_PATH=/tmp/dbt/logs \
    DBT_TARGET_PATH=/tmp/dbt/target \
    DBT_SEND_ANONYMOUS_USAGE_STATS=false \
    STREAMLIT_BROWSER_GATHER_USAGE_STATS=false \
    STREAMLIT_CLIENT_SHOW_ERROR_DETAILS=none \
    STREAMLIT_CLIENT_TOOLBAR_MODE=minimal \
    STREAMLIT_SERVER_ADDRESS=0.0.0.0 \
    STREAMLIT_SERVER_FILE_WATCHER_TYPE=none \
    STREAMLIT_SERVER_HEADLESS=true
WORKDIR /app
COPY --from=builder /app/.venv .venv

# Every heavy import once: proves that nothing needed was thrown out, and leaves the standard library's bytecode,
# which the base image lacks and an unprivileged user could not write. Then the base image's installers go, and
# the warehouse is opened to any --user: not sticky, since publishing replaces a file that another may have made.
RUN python -c "import altair, dbt.adapters.duckdb, dbt.cli.main, duckdb, obstore, orjson, pandas, polars, \
pyarrow.dataset, pyarrow.parquet, requests, streamlit.web.cli, zstandard" \
 && find /usr -depth \( -regex '.*/\(site\|dist\)-packages/\(pip\|setuptools\|wheel\)\(-.*\)?' \
      -o -regex '.*/bin/pip[0-9.]*' -o -name ensurepip \) -exec rm -rf {} + \
 && rm -rf /root/.cache /tmp/* \
 && install --directory --mode=0777 warehouse
COPY --from=builder /project /

USER 1000:1000
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=10s --start-period=20s CMD ["hear", "health"]
ENTRYPOINT ["hear"]
CMD ["run"]

# Last, since they change with every commit.
ARG VERSION=0.1.0
ARG REVISION=
ARG SOURCE=
LABEL org.opencontainers.image.title="hear_app" \
      org.opencontainers.image.description="Every commit and issue of the GitHub repositories you name, in one DuckDB file" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="$SOURCE" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
