#!/usr/bin/env bash
# Asks the advisory database (OSV) for known holes in the locked packages; those of docs/operations.md are accepted.
# Exit code 1: there is another one. Where the database cannot be reached this says so and ends with 0: nothing is known.
#   tools/audit.sh [path of uv] [address of another database that answers as OSV does]
set -uo pipefail
cd "$(dirname "$0")/.."

uv=${1:-uv}
options=(--frozen --preview-features audit)
[ -z "${2:-}" ] || options+=(--service-url "$2")
while read -r id; do options+=(--ignore "$id"); done < <(grep -oE '\b(CVE|GHSA|PYSEC)-[0-9A-Za-z-]+' docs/operations.md | sort -u)

said=$("$uv" audit "${options[@]}" 2>&1)
case $? in
  0) echo "audit: no hole is known in the locked packages but those of docs/operations.md" ;;
  1) printf '%s\n' "$said" "audit: lift the version in pyproject.toml, or say in docs/operations.md why nobody can get there"; exit 1 ;;
  *) printf 'audit: SKIPPED, NOTHING WAS CHECKED: %s\n' "$(tail -n 1 <<<"$said" | sed 's/^ *//')" ;;
esac
