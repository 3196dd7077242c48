#!/usr/bin/env bash
# Installs what the tests need beside Python, from Debian's packages; does nothing where it is there already.
set -euo pipefail

# program -> package; a font, so that pictures of the page have letters in every language.
missing=()
command -v chromium >/dev/null || missing+=(chromium)
command -v redis-server >/dev/null || missing+=(redis-server)
fc-list 2>/dev/null | grep -q NotoSans-Regular || missing+=(fontconfig fonts-noto-core)
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo)
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}"
