#!/usr/bin/env bash
# The page in web_demo: what it needs, its build with two bundles, its tests in Node, headless Chromium and WebKitGTK.
# .ci/web.sh [FER2013.csv [BUNDLE]]: with a data set the photos show 64 of its PublicTest faces, without one drawn
# faces; BUNDLE is one of the default network that is there already.
# fer-export must be installed; WEB_BUNDLES=keep takes the bundles that web_demo/public/bundles holds already.
set -euo pipefail
data=${1:+$(realpath "$1")}
bundle=${2:+$(realpath "$2")}
cd "$(dirname "$0")/.."
bundles=web_demo/public/bundles
first=compact-7
log=$(mktemp)
made=""
trap '[ -z "$made" ] || kill "$made" 2>/dev/null || true; rm -f "$log"' EXIT
step() { printf '\n--- web: %s (%s s)\n' "$1" "$SECONDS"; }
# The end of a job in the background; where it failed, with what it said.
finished() { wait "$1" || { cat "$log" >&2; exit 1; }; }

step "packages"
packages="chromium webkit2gtk-driver xvfb"
command -v node >/dev/null || packages="$packages nodejs npm"
# shellcheck disable=SC2086
if ! dpkg -s $packages >/dev/null 2>&1; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages
fi
if grep -qE '"resolved": "[a-z+]*://' web_demo/package-lock.json; then
  echo "web_demo/package-lock.json has download addresses; run npm install in web_demo with its .npmrc" >&2
  exit 1
fi

if [ "${WEB_BUNDLES:-}" != keep ]; then
  step "two bundles"
  rm -rf "$bundles"
  mkdir -p "$bundles"
  if [ -n "$bundle" ]; then
    cp -r "$bundle" "$bundles/$first"
  else
    python -m fer_export bundle --model "$first" --web web_demo ${data:+--data "$data"} >/dev/null
  fi
  python -m fer_export bundle --model nano-7 --web web_demo >"$log" 2>&1 &
  made=$!
fi

step "types, tests of the core"
cd web_demo
# npm passes over what it cannot fetch of optional packages, which the native parts of vite and of tsc are.
installed() {
  npm ci --no-audit --no-fund --loglevel=error &&
    node --input-type=module -e 'await import("vite")' && npx --no-install tsc --version >/dev/null
}
installed || installed || installed
npm run -s check
npm test --silent
[ -z "$made" ] || finished "$made"

step "build; beside it the photos and Python's answers"
python tests/browser/pictures.py "public/bundles/$first" test-results/pictures ${data:+"$data"} >"$log" 2>&1 &
made=$!
npm run -s build
npm run -s build:harness
du -sh dist
# The first of the page's networks answers, so its bundle must be the one that Python answered with.
[ "$(node -p 'require("./dist/networks.json")[0]')" = "$first" ]
finished "$made"
made=""

step "headless Chromium and WebKitGTK"
npm run -s test:browser
step "done"
