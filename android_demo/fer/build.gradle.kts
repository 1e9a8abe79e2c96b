plugins {
    id("com.android.library")
}

fun version(name: String) = providers.gradleProperty("fer.$name").get()

android {
    namespace = "org.ferexport.fer"
    compileSdk = version("compileSdk").toInt()

    defaultConfig {
        minSdk = version("minSdk").toInt()
        consumerProguardFiles("consumer-rules.pro")
    }

    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_1_8
        targetCompatibility = JavaVersion.VERSION_1_8
    }

    // One archive for both, as Maven's.
    sourceSets["main"].java.srcDir("../core/src/main/java")

    // Tested by Maven, which brings Android itself along; see README.md.
    sourceSets["test"].java.setSrcDirs(emptyList<String>())
}

dependencies {
    api("org.jspecify:jspecify:1.0.0")
    implementation("com.google.ai.edge.litert:litert:${version("litert")}")
}
