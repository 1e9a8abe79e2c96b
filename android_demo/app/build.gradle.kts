plugins {
    id("com.android.application")
}

fun version(name: String) = providers.gradleProperty("fer.$name").get()

android {
    namespace = "org.ferexport.app"
    compileSdk = version("compileSdk").toInt()

    defaultConfig {
        applicationId = "org.ferexport.app"
        minSdk = version("minSdk").toInt()
        targetSdk = version("targetSdk").toInt()
        versionCode = version("versionCode").toInt()
        versionName = version("version")
        ndk {
            abiFilters += listOf("arm64-v8a", "armeabi-v7a", "x86_64")
        }
    }

    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_1_8
        targetCompatibility = JavaVersion.VERSION_1_8
    }

    // Models are stored, not deflated, so that they can be mapped into memory. The pattern is aapt's own, which a
    // given one replaces, and the models that the app has no runtime for.
    androidResources {
        noCompress += "tflite"
        ignoreAssetsPattern = "!.svn:!.git:!.ds_store:!*.scc:.*:<dir>_*:!CVS:!thumbs.db:!picasa.ini:!*~:!*.onnx"
    }

    packaging {
        jniLibs {
            useLegacyPackaging = true
        }
    }

    // The screens are tested by Maven, which brings Android itself along; see README.md.
    sourceSets["test"].java.setSrcDirs(emptyList<String>())
}

dependencies {
    implementation(project(":fer"))
}

// Without this the app would start and then say that it has no models.
val bundle = layout.projectDirectory.file("src/main/assets/bundle/manifest.json").asFile
tasks.named("preBuild") {
    doFirst {
        check(bundle.isFile) { "there is no bundle: run `fer-export bundle --android android_demo`" }
    }
}
