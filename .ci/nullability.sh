#!/usr/bin/env bash
# Whether Kotlin knows what may be null in the library: a null picture must be refused, and nothing else.
# Usage: .ci/nullability.sh CLASSES_JAR. Needs a JDK, Maven and Maven Central.
set -euo pipefail
[ -f "${1:?usage: .ci/nullability.sh CLASSES_JAR}" ]
classes=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
parent=$(cd "$(dirname "$0")/../android_demo" && pwd)/pom.xml
property() { sed -n "s:.*<$1>\(.*\)</$1>.*:\1:p" "$parent"; }
cat > "$work/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>nullability</groupId><artifactId>nullability</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.jetbrains.kotlin</groupId><artifactId>kotlin-compiler-embeddable</artifactId><version>$(property kotlin.version)</version></dependency>
    <dependency><groupId>org.robolectric</groupId><artifactId>android-all</artifactId><version>$(property android-all.version)</version></dependency>
  </dependencies>
</project>
POM
mvn -q -B -f "$work/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
  -DoutputDirectory="$work/jars"
compile() {
  java -cp "$(printf '%s:' "$work"/jars/*.jar)" org.jetbrains.kotlin.cli.jvm.K2JVMCompiler -Werror -no-reflect -no-stdlib \
    -jvm-target 1.8 -classpath "$classes:$(printf '%s:' "$work"/jars/*.jar)" -d "$work/out" "$work/Use.kt" 2>&1
}
use() { printf 'import org.ferexport.fer.*\nimport android.graphics.Bitmap\nfun use(a: FerAnalyzer, b: Bitmap, n: Bitmap?): String = %s\n' "$1" > "$work/Use.kt"; }
use 'a.analyse(b, 0)[0].emotion.label'
compile
use 'a.analyse(n, 0)[0].emotion.label'
if said=$(compile); then echo "Kotlin takes a null picture"; exit 1; fi
grep -q "actual type is 'Bitmap?', but 'Bitmap' was expected" <<< "$said" || { echo "$said"; exit 1; }
echo "Kotlin refuses a null picture"
