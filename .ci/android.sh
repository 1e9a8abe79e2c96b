#!/usr/bin/env bash
# The library, the app and the Kotlin example: AAR and APKs built, tested, and checked as Google Play would.
# Usage: .ci/android.sh, after `fer-export bundle --android android_demo`, with the environment of fer-export active.
# Needs default-jdk-headless (17), maven, aapt, zipalign, apksigner and dexdump of Debian, and Maven Central.
set -euo pipefail
cd "$(dirname "$0")/.."
demo=android_demo

mvn -q -B -f $demo package
cat $demo/app/target/apksigner.txt $demo/app/target/badging.txt $demo/app/target/permissions.txt
cat $demo/app/target/check_apk.txt

# What is in the library: no R of its own, no test, core and the Android side, both languages.
python3 -m zipfile -l $demo/fer/target/fer.aar
classes=$(mktemp -d)
trap 'rm -rf "$classes"' EXIT
python3 -m zipfile -e $demo/fer/target/fer.aar "$classes"
[ -s "$classes/AndroidManifest.xml" ] && [ -s "$classes/R.txt" ] && [ -s "$classes/proguard.txt" ]
[ -s "$classes/res/values/strings.xml" ] && [ -s "$classes/res/values-fr/strings.xml" ]
jar tf "$classes/classes.jar" > "$classes/list"
grep -qx org/ferexport/fer/FerAnalyzer.class "$classes/list"
grep -qx org/ferexport/core/Pipeline.class "$classes/list"
if grep -E '/R(\$.*)?\.class$|Test\.class$|tensorflow|androidx' "$classes/list"; then exit 1; fi
for kind in sources javadoc; do [ -s $demo/fer/target/fer-0.1.0-$kind.jar ]; done

# Kotlin sees what may be null: a null picture is refused by the compiler, with that one complaint.
.ci/nullability.sh "$classes/classes.jar"

cat $demo/kotlin/target/check_apk.txt
python -m benchmarks.app.apk_size --no-record $demo/app/target/fer-export-demo.apk \
  --release $demo/app/target/fer-export-demo-arm64-int8.apk
