#!/usr/bin/env bash
# Compiles the Kotlin and Java snippets of a bundle's README against tensorflow-lite's own classes, and lets them cut
# every golden face.
# Usage: .ci/snippets.sh BUNDLE. Needs a JDK, Maven and Maven Central.
set -euo pipefail
[ -f "${1:?usage: .ci/snippets.sh BUNDLE}/README.md" ]
readme=$(cd "$1" && pwd)/README.md
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tflite=2.16.1 kotlin=2.1.0

# tensorflow-lite names its API as a jar, which there is not.
alone='<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>'
# A project that only names what is needed, so that Maven fetches the compiler with all its parts.
cat > "$work/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>snippets</groupId><artifactId>snippets</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.jetbrains.kotlin</groupId><artifactId>kotlin-compiler-embeddable</artifactId><version>$kotlin</version></dependency>
    <dependency><groupId>org.tensorflow</groupId><artifactId>tensorflow-lite</artifactId><version>$tflite</version><type>aar</type>$alone</dependency>
    <dependency><groupId>org.tensorflow</groupId><artifactId>tensorflow-lite-api</artifactId><version>$tflite</version><type>aar</type>$alone</dependency>
  </dependencies>
</project>
POM
mvn -q -B -f "$work/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
  -DoutputDirectory="$work/jars"
for name in tensorflow-lite tensorflow-lite-api; do
  (cd "$work" && jar xf "jars/$name-$tflite.aar" classes.jar && mv classes.jar "$name.jar")
done
path="$work/tensorflow-lite.jar:$work/tensorflow-lite-api.jar"

snippet() { sed -n "/^\`\`\`$1\$/,/^\`\`\`\$/p" "$readme" | sed '1d;$d'; }
snippet java > "$work/Emotions.java"
snippet kotlin > "$work/Emotions.kt"
[ -s "$work/Emotions.java" ] && [ -s "$work/Emotions.kt" ]

javac -Xlint:all,-options -Werror --release 8 -cp "$path" -d "$work/java" "$work/Emotions.java"
java -cp "$(printf '%s:' "$work"/jars/*.jar)" org.jetbrains.kotlin.cli.jvm.K2JVMCompiler \
  -Werror -no-reflect -no-stdlib -jvm-target 1.8 \
  -classpath "$path:$work/jars/kotlin-stdlib-$kotlin.jar" -d "$work/kotlin" "$work/Emotions.kt"

# On stdin a line a crop: photo, box, SHA-256 of the grey bytes.
cat > "$work/Faces.java" <<'JAVA'
import java.awt.image.BufferedImage;
import java.io.File;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.Scanner;
import javax.imageio.ImageIO;

final class Faces {
    public static void main(String[] folder) throws Exception {
        Scanner crops = new Scanner(System.in);
        int count = 0;
        for (; crops.hasNext(); count++) {
            BufferedImage photo = ImageIO.read(new File(folder[0], crops.next()));
            int width = photo.getWidth();
            int[] pixels = photo.getRGB(0, 0, width, photo.getHeight(), null, 0, width);
            byte[] gray = Emotions.gray(pixels, width, photo.getHeight(),
                    crops.nextInt(), crops.nextInt(), crops.nextInt(), crops.nextInt());
            String found = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(gray));
            if (!found.equals(crops.next())) {
                throw new AssertionError("crop " + count + " has other bytes");
            }
        }
        System.out.println(count + " golden faces cut, every byte the same");
    }
}
JAVA
python3 - "$1" > "$work/crops" <<'PY'
import json, pathlib, sys
for photo in json.loads(pathlib.Path(sys.argv[1], "golden/golden.json").read_text())["photos"]:
    for crop in photo["crops"]:
        print(photo["file"], *crop["box"], crop["sha256"])
PY
[ -s "$work/crops" ]
for language in java kotlin; do
  javac -cp "$work/$language" -d "$work/$language" "$work/Faces.java"
  printf 'the %s snippet: ' "$language"
  java -cp "$work/$language:$path:$work/jars/kotlin-stdlib-$kotlin.jar" Faces "$1" < "$work/crops"
done
