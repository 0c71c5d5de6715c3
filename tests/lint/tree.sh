#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The rules that no compiler knows: who may include whom, what a file may be like, what lies where.
# Prints each finding as file:line: what was expected; exit 1 if there is any.
set -uo pipefail
# shellcheck source=tests/lint/files.sh
. "$(dirname "${BASH_SOURCE[0]}")/files.sh"

FILE_LINES_MAX=600  # a finding
FILE_LINES_WARN=400 # a hint
COLUMNS_MAX=100
INCLUDE='^[[:space:]]*#[[:space:]]*include[[:space:]]*'

findings=$(mktemp)
trap 'rm -f "$findings"' EXIT

find_fault() { printf '%s\n' "$1" >>"$findings"; }

# code_of FILE...: FILE:LINE:TEXT of each, without comments and without what is in strings
code_of()
{
    awk '
        FNR == 1 { comment = 0 }
        {
            out = ""; line = $0; n = length(line); quote = ""
            for (i = 1; i <= n; i++) {
                c = substr(line, i, 1); two = substr(line, i, 2)
                if (comment) { if (two == "*/") { comment = 0; i++ } }
                else if (quote != "") { if (c == "\\") i++; else if (c == quote) quote = "" }
                else if (two == "/*") { comment = 1; i++ }
                else if (two == "//") break
                else if (c == "\"" || c == "'\''") quote = c
                else out = out c
            }
            print FILENAME ":" FNR ":" out
        }' "$@"
}

mapfile -t c_files < <(files '\.[ch]$')
mapfile -t sources < <(files '\.([ch]|sh|py)$'; shell_scripts | grep -v '\.sh$')
text_names='\.([ch]|sh|py|md|yaml|yml|json|avsc|html|css|js|sql|in|txt|tsv|xml|properties)$'
mapfile -t texts < <({
    files "$text_names"
    files '(^|/)(Makefile|Dockerfile[^/]*|\.ci/.*)$'
} | grep -vE '(^|/)(corpus|data)/')

# ---- the top level holds what the README names, and dotfiles
while IFS= read -r name; do
    case $name in
    CMakeLists.txt | CMakePresets.json | Makefile | README.md | CHANGELOG.md | LICENSE) ;;
    services | common | schemas | tests | docker | k8s | docs | .*) ;;
    *) find_fault "$name:1: expected nothing of this name at the top level" ;;
    esac
done < <(all_files | cut -d/ -f1 | sort -u)

# ---- includes: services/X -> common -> libraries, never sideways, never upwards
while IFS=: read -r file line include; do
    case $file in
    services/*/*)
        own=${file#services/}
        own=services/${own%%/*}
        ;;
    common/*) own=${file%/*} ;;
    *) continue ;;
    esac
    include=${include#*\"}
    include=${include%%\"*}
    case $include in
    ../* | */../*)
        find_fault "$file:$line: expected a path below its own folder or common/: $include"
        continue
        ;;
    esac
    [[ -f $own/$include || -f ${file%/*}/$include || -f common/$include ]] ||
        find_fault "$file:$line: expected a header of $own/ or common/: $include"
    # what decides has no clock and no I/O: base/ and ids/ are all that it may know
    case $file,$include in
    services/*/core/*,base/clock.h) find_fault "$file:$line: expected no clock in a core" ;;
    services/*/core/*,core/* | services/*/core/*,base/* | services/*/core/*,ids/*) ;;
    services/*/core/*) find_fault "$file:$line: expected core/, base/ or ids/: $include" ;;
    esac
done < <(((${#c_files[@]} == 0)) || grep -nHE "$INCLUDE\"" "${c_files[@]}")

# ---- a vendor's header is included in one .c file; our headers show no vendor's type
# includers HEADER-REGEX: file:line of each include
includers()
{
    ((${#c_files[@]})) || return 0
    grep -nHE "${INCLUDE}[<\"]($1)[>\"]" "${c_files[@]}" | cut -d: -f1,2
}

vendor_once()
{
    local regex=$1 per_folder=${2:-} seen="" place file folder
    while IFS= read -r place; do
        file=${place%%:*}
        case $file in
        tests/bench/*) continue ;;
        tests/*)
            [[ $per_folder ]] ||
                find_fault "$place: expected $regex in no test (but tests/bench)"
            continue
            ;;
        *.h) find_fault "$place: expected no vendor's header in a header of ours" ;;
        esac
        folder=
        [[ $per_folder ]] && folder=$(cut -d/ -f1,2 <<<"$file")
        if [[ " $seen " == *" |$folder "* ]]; then
            find_fault "$place: expected $regex in one .c file only${per_folder:+ of $folder/}"
        fi
        seen+=" |$folder"
    done < <(includers "$regex")
}

vendor_once 'avro\.h'
vendor_once 'microhttpd\.h'
vendor_once 'sqlite3\.h'
vendor_once '(postgresql/)?libpq-fe\.h'
vendor_once 'curl/.*' per_folder
while IFS= read -r place; do
    case $place in
    common/kafka/internal.h:* | tests/bench/* | tests/unit/kafka/*) ;;
    *) find_fault "$place: expected librdkafka's header only in common/kafka/internal.h" ;;
    esac
done < <(includers 'librdkafka/.*')

# ---- C: functions that lose, size
banned='\b(strcpy|strcat|sprintf|vsprintf|atoi|atol|atof|strtok|gets|system)[[:space:]]*\('
while IFS=: read -r file line text; do
    name=$(grep -oE "$banned" <<<"$text" | head -n 1 | tr -d '( ')
    find_fault "$file:$line: expected a bounded function instead of $name"
done < <(((${#c_files[@]} == 0)) || code_of "${c_files[@]}" | grep -E "^[^:]*:[0-9]*:.*$banned")
long=0
while read -r lines file; do
    if ((lines > FILE_LINES_MAX)); then
        find_fault "$file:$lines: expected at most $FILE_LINES_MAX lines; split it by what it does"
    elif ((lines > FILE_LINES_WARN)); then
        long=$((long + 1))
    fi
done < <(((${#c_files[@]} == 0)) || wc -l "${c_files[@]}" | grep -v ' total$')
((long == 0)) || echo "hint: $long files of C have over $FILE_LINES_WARN lines"

# ---- every source: width, licence; every text: nothing left undone, no path of one machine
if ((${#sources[@]})); then
    LC_ALL=C.UTF-8 grep -nHE "^.{$((COLUMNS_MAX + 1)),}" "${sources[@]}" | cut -d: -f1,2 |
        sed "s/\$/: expected at most $COLUMNS_MAX columns/" >>"$findings"
    awk '
        FNR == 1 { if (file != "" && !found) print file; file = FILENAME; found = 0 }
        FNR <= 5 && /SPDX-License-Identifier: Apache-2\.0/ { found = 1 }
        END { if (file != "" && !found) print file }' "${sources[@]}" |
        sed "s/\$/:1: expected 'SPDX-License-Identifier: Apache-2.0' near the top/" >>"$findings"
fi
if ((${#texts[@]})); then
    machine='(^|[^A-Za-z0-9_.*$}/-])/(roo[t]|wor[k]|hom[e]/[a-z]+|tm[p]/bash_jobs)/'
    {
        grep -nHwE 'TOD[O]|FIXM[E]' "${texts[@]}" | cut -d: -f1,2 |
            sed 's/$/: expected it done, or an issue for it/'
        grep -nHE "$machine" "${texts[@]}" | cut -d: -f1,2 |
            sed 's/$/: expected no path of one machine/'
        grep -nHE '^(<<<<<<<|>>>>>>>) ' "${texts[@]}" | cut -d: -f1,2 |
            sed 's/$/: expected no mark of an unfinished merge/'
    } >>"$findings"
fi

# ---- scripts with a first line that names a program can be started
while IFS= read -r file; do
    head -c 2 "$file" | grep -q '^#!' && [[ ! -x $file ]] &&
        find_fault "$file:1: expected it executable (chmod +x)"
done < <(files '\.(sh|py)$|^\.ci/')

cat "$findings"
[[ ! -s $findings ]]
