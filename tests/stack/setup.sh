#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Brings a fresh Debian 12 or 13 to where this repository builds, runs and tests. Everything that is
# not a Debian package of this release goes to .deps/ in the repository; the machine's apt sources
# stay as they are. What is there already is left alone: a second run takes no network and no time.
#
#   setup.sh [--for build|run|test|lint]...     default: all of them
#
#   build   compiler, libraries; librdkafka (with librdkafka.patch) and libmicrohttpd from source
#           where Debian's are too old
#   run     Java and Apache Kafka, for the local stack
#   test    run, and PostgreSQL's server, the schema registry Apicurio, and the Python libraries
#           that tests check us against
#   lint    shellcheck, cppcheck, clang-format
set -euo pipefail
# shellcheck source=tests/stack/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

RDKAFKA_MIN=2.12.1
RDKAFKA_PATCH=$ROOT/tests/stack/librdkafka.patch
MICROHTTPD_MIN=1.0.1
JAVA_MIN=17
REGISTRY_ARTIFACT=io.apicurio:apicurio-registry-app:2.6.13.Final:tar.gz:all

BUILD_PACKAGES=(build-essential g++ cmake ninja-build pkg-config ca-certificates curl dpkg-dev
    libavro-dev libjansson-dev libcurl4-openssl-dev libsqlite3-dev libpq-dev libssl-dev
    libcmocka-dev libjemalloc-dev libgnutls28-dev zlib1g-dev libzstd-dev liblz4-dev)
AMD64_PACKAGES=(libipsec-mb-dev)
RUN_PACKAGES=(curl sqlite3 python3 python3-venv procps)
TEST_PACKAGES=(python3 python3-venv postgresql sqlite3)
LINT_PACKAGES=(cppcheck shellcheck python3 python3-venv)

usage() { sed -n 's/^#   //p' "${BASH_SOURCE[0]}" >&2; exit 2; }

declare -A want=()
while (($#)); do
    case $1 in
    --for)
        case ${2:-} in build | run | test | lint) want[$2]=1 ;; *) usage ;; esac
        shift 2
        ;;
    *) usage ;;
    esac
done
((${#want[@]})) || want=([build]=1 [run]=1 [test]=1 [lint]=1)
wants() { [[ -n ${want[$1]:-} ]]; }
if wants test; then want[run]=1; fi

# step NAME REMEDY COMMAND...: a line when it begins, and one for how long it took; the whole
# output is kept in .deps/log/.
step()
{
    local name=$1 remedy=$2 log started status
    shift 2
    log=${name%% (*}
    log=${log,,}
    log=$DEPS/log/${log//[^a-z0-9]/-}.log
    started=$(now_ms)
    say "setup: $name ..."
    # Not after || or if: there bash would ignore set -e inside, and go on after a failure.
    set +e
    (set -e; "$@") >"$log" 2>&1 </dev/null
    status=$?
    set -e
    if ((status)); then
        say "setup: $name FAILED after $((($(now_ms) - started) / 1000)) s; the end of $log:"
        tail -n 20 "$log" >&2
        say "setup: $remedy"
        exit 1
    fi
    say "setup: $name: done in $((($(now_ms) - started) / 1000)) s"
}

java_is_new_enough()
{
    local version
    version=$(java -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p' | head -n 1)
    [[ -n $version ]] && ((version >= JAVA_MIN))
}

# ---- Debian's packages

wanted_packages()
{
    local packages=()
    if wants build; then
        packages+=("${BUILD_PACKAGES[@]}")
        [[ $(dpkg --print-architecture) != amd64 ]] || packages+=("${AMD64_PACKAGES[@]}")
    fi
    if wants run; then
        packages+=("${RUN_PACKAGES[@]}")
        java_is_new_enough || packages+=(default-jre-headless)
        kafka_is_complete || command -v mvn >/dev/null || packages+=(maven)
    fi
    if wants test; then
        registry_is_complete || command -v mvn >/dev/null || packages+=(maven)
    fi
    if wants test; then packages+=("${TEST_PACKAGES[@]}"); fi
    if wants lint; then packages+=("${LINT_PACKAGES[@]}"); fi
    printf '%s\n' "${packages[@]}" | sort -u
}

missing_packages()
{
    # pkg-config is provided by pkgconf on newer releases, so what a package provides counts too.
    local packages installed
    mapfile -t packages < <(wanted_packages)
    installed=$(dpkg-query -W -f '${db:Status-Abbrev}|${Package}, ${Provides}\n' |
        sed -n 's/^ii *|//p' | sed -e 's/([^)]*)//g' | tr ',' '\n' | tr -d ' ' | sort -u)
    comm -23 <(printf '%s\n' "${packages[@]}") <(echo "$installed")
}

as_root()
{
    if ((EUID == 0)); then "$@"; else sudo "$@"; fi
}

install_packages()
{
    local no_cluster=/etc/postgresql-common/createcluster.d/referral-router.conf status=0
    as_root apt-get update -q
    # The tests make clusters of their own; installing the server must not leave one running here.
    if [[ " $* " == *" postgresql "* ]]; then
        as_root mkdir -p "${no_cluster%/*}"
        echo 'create_main_cluster = false' | as_root tee "$no_cluster"
    fi
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -q --no-install-recommends "$@" || status=$?
    as_root rm -f "$no_cluster"
    return "$status"
}

# Elsewhere the libraries are asked for by what they are for a compiler.
require_elsewhere()
{
    local missing=() tool module
    if wants build; then
        for tool in gcc g++ make cmake ninja pkg-config curl; do
            command -v "$tool" >/dev/null || missing+=("$tool")
        done
        for module in avro-c jansson libcurl sqlite3 libpq libcrypto cmocka jemalloc \
            "rdkafka >= $RDKAFKA_MIN" "libmicrohttpd >= $MICROHTTPD_MIN"; do
            has_module "$module" || missing+=("the library '$module' with its headers (pkg-config)")
        done
    fi
    if wants run; then
        java_is_new_enough || missing+=("a Java runtime, version $JAVA_MIN or newer")
        { kafka_is_complete && { ! wants test || registry_is_complete; }; } ||
            command -v mvn >/dev/null || missing+=("mvn (Apache Maven)")
        for tool in python3 sqlite3; do command -v "$tool" >/dev/null || missing+=("$tool"); done
    fi
    if wants test; then
        command -v pg_ctl >/dev/null || missing+=("PostgreSQL's server, with pg_ctl in PATH")
    fi
    if wants lint; then
        for tool in cppcheck shellcheck; do
            command -v "$tool" >/dev/null || missing+=("$tool")
        done
    fi
    ((${#missing[@]} == 0)) && return 0
    say "setup: this is not Debian 12 or 13, so nothing was installed. Please install:"
    printf '  - %s\n' "${missing[@]}" >&2
    exit 78
}

# ---- librdkafka and libmicrohttpd, from the source packages of later Debian releases

has_module()
{
    PKG_CONFIG_PATH=$DEPS/lib/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH} \
        pkg-config --exists "$1" 2>/dev/null
}

# The pkg-config files name .deps/ by its full path; a repository that was moved writes them again.
has_library()
{
    local file=$DEPS/lib/pkgconfig/$1.pc
    if [[ -f $file ]] && ! grep -qxF "prefix=$DEPS" "$file"; then
        sed -i "s#^prefix=.*#prefix=$DEPS#" "$file"
    fi
    has_module "$1 >= $2"
}

# A private apt: its own sources, lists and cache, so that the machine's are not touched. It asks
# the very mirror that the machine uses, and checks Debian's signatures.
private_apt()
{
    local apt=$DEPS/src/apt mirror suite key=/usr/share/keyrings/debian-archive-keyring.gpg
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
    apt_options=(-o "Dir::Etc::SourceList=$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null
        -o "Dir::State::Lists=$apt/lists" -o "Dir::Cache=$apt/cache" -o APT::Sandbox::User=root
        -o Acquire::Languages=none -o Acquire::Retries=3)
    [[ -s $apt/sources.list ]] && return 0
    # shellcheck disable=SC2016 # $(SITE) is apt's own
    mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' |
        grep -m 1 'debian/\?$')
    for suite in stable testing unstable; do
        echo "deb-src [signed-by=$key] $mirror $suite main"
    done >"$apt/sources.list"
    apt-get "${apt_options[@]}" -q update
}

# unpack_source PACKAGE MINIMUM: the newest that Debian has, unpacked in .deps/src/PACKAGE. It is
# upstream's archive inside the signed source package; Debian's patches are for Debian's own build.
unpack_source()
{
    local package=$1 minimum=$2 version archive
    mkdir -p "$DEPS/src"
    exec 8>"$DEPS/src/lock" # one apt at a time
    flock 8
    private_apt
    version=$(apt-cache "${apt_options[@]}" showsrc "$package" | sed -n 's/^Version: //p' |
        sort -V | tail -n 1)
    if ! dpkg --compare-versions "$version" ge "$minimum"; then
        echo "$package: the newest is '$version', needed is $minimum"
        return 1
    fi
    cd "$DEPS/src"
    rm -rf "$package"
    mkdir "$package"
    apt-get "${apt_options[@]}" -q source --download-only "$package=$version"
    archive=$(find . -name "${package}_${version%-*}.orig.tar.*" ! -name '*.asc' | head -n 1)
    exec 8>&-
    tar -xf "$archive" -C "$package" --strip-components=1
    cd "$package"
    version=${version%-*}
    echo "${version%%+*}" >"$DEPS/src/$package.version"
}

# write_pkg_config MODULE VERSION LIBS: what a static library needs is part of its plain --libs.
write_pkg_config()
{
    cat >"$DEPS/lib/pkgconfig/$1.pc" <<END
prefix=$DEPS
libdir=\${prefix}/lib
includedir=\${prefix}/include

Name: $1
Description: built by tests/stack/setup.sh, static
Version: $2
Cflags: -I\${includedir}
Libs: -L\${libdir} $3
END
}

patch_stamp() { sha256sum <"$RDKAFKA_PATCH" | cut -c 1-12; }

# Debian's own, even if new enough, does not have our repairs.
has_rdkafka()
{
    has_library rdkafka "$RDKAFKA_MIN" || return 1
    [[ -z $on_debian ]] ||
        grep -qsE "^patch=$(patch_stamp)(-partly)?$" "$DEPS/lib/pkgconfig/rdkafka.pc"
}

# Each is installed beside and moved in last, so that an interrupted build leaves nothing half done.
build_rdkafka()
{
    unpack_source librdkafka "$RDKAFKA_MIN"
    # A version that has mended some of it refuses a part: the tests that it names say whether so.
    local stamp
    stamp=$(patch_stamp)
    if ! patch -p1 --forward --batch <"$RDKAFKA_PATCH"; then
        stamp+=-partly
        echo "librdkafka.patch: not all of it fits"
    fi
    ./configure --prefix="$DEPS" --disable-gssapi --disable-debug-symbols
    make -s -j"$(nproc)" -C src librdkafka.a
    mkdir -p "$DEPS/include/librdkafka" "$DEPS/lib/pkgconfig"
    cp src/rdkafka.h src/rdkafka_mock.h "$DEPS/include/librdkafka/"
    cp src/librdkafka.a "$DEPS/lib/"
    write_pkg_config rdkafka "$(cat "$DEPS/src/librdkafka.version")" \
        "-lrdkafka -lcurl -lssl -lcrypto -lzstd -llz4 -lz -lm -ldl -lrt -lpthread"
    sed -i "1i patch=$stamp" "$DEPS/lib/pkgconfig/rdkafka.pc"
}

build_microhttpd()
{
    unpack_source libmicrohttpd "$MICROHTTPD_MIN"
    ./configure -q --prefix="$DEPS" --enable-static --disable-shared --disable-doc \
        --disable-examples --disable-tools
    make -s -j"$(nproc)" -C src/microhttpd
    mkdir -p "$DEPS/include" "$DEPS/lib/pkgconfig"
    cp src/include/microhttpd.h "$DEPS/include/"
    cp src/microhttpd/.libs/libmicrohttpd.a "$DEPS/lib/"
    write_pkg_config libmicrohttpd "$(cat "$DEPS/src/libmicrohttpd.version")" \
        "-lmicrohttpd -lgnutls -lpthread"
}

# ---- Kafka's jars, the registry, and the Python libraries

# It runs for seconds: what the second compiler would make faster is over before.
export MAVEN_OPTS=${MAVEN_OPTS:--XX:TieredStopAtLevel=1 -XX:+UseSerialGC}

fetch_kafka()
{
    rm -rf "$DEPS/kafka/lib"
    mvn -B -ntp -f "$ROOT/tests/stack/pom.xml" dependency:copy-dependencies \
        -DoutputDirectory="$DEPS/kafka/lib"
    cksum <"$ROOT/tests/stack/pom.xml" >"$DEPS/kafka/lib/.complete"
}

kafka_is_complete()
{
    [[ $(cat "$DEPS/kafka/lib/.complete" 2>/dev/null) == "$(cksum <"$ROOT/tests/stack/pom.xml")" ]]
}

# A tar file from the same place, unpacked beside and moved in last.
fetch_registry()
{
    local work=$DEPS/registry.new
    rm -rf "$work"
    mvn -B -ntp dependency:copy -Dartifact="$REGISTRY_ARTIFACT" -DoutputDirectory="$work/download"
    mkdir "$work/app"
    tar -xzf "$work"/download/*.tar.gz -C "$work/app"
    rm -rf "$work/download" "$DEPS/registry"
    echo "$REGISTRY_ARTIFACT" >"$work/.complete"
    mv "$work" "$DEPS/registry"
}

registry_is_complete()
{
    [[ $(cat "$DEPS/registry/.complete" 2>/dev/null) == "$REGISTRY_ARTIFACT" ]]
}

venv_stamp() { echo "$DEPS/venv $(cksum <"$ROOT/tests/stack/requirements.txt")"; }

# Debian's own Python where there is one: what else is first in PATH may be gone tomorrow.
make_venv()
{
    local python=/usr/bin/python3
    [[ -x $python ]] || python=python3
    rm -rf "$DEPS/venv"
    "$python" -m venv "$DEPS/venv"
    "$DEPS/venv/bin/pip" install --disable-pip-version-check --no-input --only-binary=:all: \
        --no-compile -r "$ROOT/tests/stack/requirements.txt"
    venv_stamp >"$DEPS/venv/.complete"
}

# ---- all of it, one run at a time

mkdir -p "$DEPS/log" "$DEPS/kafka"
exec 9>"$DEPS/setup.lock"
if ! flock -n 9; then
    say "setup: another run is at work; waiting for it"
    if ! flock -w 1800 9; then
        say "setup: it did not end within 30 minutes; see what it does: fuser -v .deps/setup.lock"
        exit 1
    fi
fi

on_debian=
if command -v apt-get >/dev/null && grep -qsx 'ID=debian' /etc/os-release; then
    on_debian=yes
    mapfile -t missing < <(missing_packages)
    if ((${#missing[@]})); then
        say "setup: Debian packages: ${missing[*]}"
        remedy="check the network and apt's sources, or install them by hand; then run this again"
        step "Debian packages" "$remedy" install_packages "${missing[@]}"
    fi
else
    require_elsewhere
fi

# The rest is compiling on one hand and waiting for the network on the other: at the same time.
SOURCES="it needs Debian's package mirror; or install it yourself where pkg-config finds it"
MAVEN="it needs Maven's central repository: check the network and any proxy"
PIP="it needs Python's package index: check the network and any proxy"

add_java_programs()
{
    kafka_is_complete || step "Apache Kafka's jars" "$MAVEN" fetch_kafka
    if wants test && ! registry_is_complete; then
        step "Apicurio, a schema registry" "$MAVEN" fetch_registry
    fi
    "$ROOT/tests/stack/kafka.sh" has-archive ||
        step "class archive for Kafka" "see the log above" "$ROOT/tests/stack/kafka.sh" archive
    if wants test && ! "$ROOT/tests/stack/registry.sh" has-archive; then
        step "class archive for the registry" "see the log above" \
            "$ROOT/tests/stack/registry.sh" archive
    fi
}

running=() status=0
if wants build; then
    has_rdkafka ||
        { step "librdkafka (>= $RDKAFKA_MIN)" "$SOURCES" build_rdkafka & running+=($!); }
    has_library libmicrohttpd "$MICROHTTPD_MIN" ||
        { step "libmicrohttpd (>= $MICROHTTPD_MIN)" "$SOURCES" build_microhttpd & running+=($!); }
fi
if wants run; then
    add_java_programs &
    running+=($!)
fi
if wants run || wants lint; then
    [[ $(cat "$DEPS/venv/.complete" 2>/dev/null) == "$(venv_stamp)" ]] ||
        { step "Python libraries" "$PIP" make_venv & running+=($!); }
fi
for part in ${running[@]+"${running[@]}"}; do wait "$part" || status=1; done
rm -rf "$DEPS/src"
((status == 0))
