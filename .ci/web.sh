#!/usr/bin/env bash
# The page in web_demo: what it needs, its build with two bundles, its tests in Node and in headless Chromium.
# .ci/web.sh [FER2013.csv]: with a data set the photos show 64 of its PublicTest faces, without one drawn faces.
# fer-export must be installed; WEB_BUNDLES=keep takes the bundles that web_demo/public/bundles holds already.
set -euo pipefail
cd "$(dirname "$0")/.."
data=${1:+$(realpath "$1")}
step() { printf '\n--- web: %s (%s s)\n' "$1" "$SECONDS"; }

step "packages"
packages="chromium nodejs npm"
command -v node >/dev/null && packages="chromium"
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
  for model in compact-7 nano-7; do
    python -m fer_export bundle --model "$model" --web web_demo ${data:+--data "$data"} >/dev/null
  done
fi

cd web_demo
step "types, tests of the core"
npm ci --no-audit --no-fund --loglevel=error
npm run -s check
npm test --silent

step "build"
npm run -s build
npm run -s build:harness
du -sh dist

step "headless Chromium"
# The first of the page's networks answers; Python's own answers come from the same bundle.
first=$(node -p 'require("./dist/networks.json")[0]')
python tests/browser/pictures.py "public/bundles/$first" test-results/pictures ${data:+"$data"}
npm run -s test:browser
