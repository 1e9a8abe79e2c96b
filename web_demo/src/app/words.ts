const en = {
  title: "Facial emotions",
  loading: "Loading the networks…",
  start: "Choose a photo or use the camera. Nothing leaves this page.",
  choose: "Choose a photo",
  camera: "Camera",
  take: "Take the photo",
  stop: "Stop the camera",
  network: "Network, ms per face",
  network_time: "{0}: {1} ms",
  fetching: "Fetching {0}…",
  not_here: "This network is not on this device and could not be fetched. Connect once, then choose it again.",
  reading: "Reading the photo…",
  analysing: "Looking for faces…",
  no_face: "No face found. Try a photo in which a face is larger, lit from the front and not turned away.",
  one_face: "1 face found.",
  faces: "{0} faces found. Touch a face to see its emotions.",
  took: "Photo analysed in {0} ms.",
  live: "{0} pictures a second",
  live_none: "No face in the picture.",
  face: "Face {0}: {1}",
  results_of: "Emotions of face {0}",
  percent: "{0}%",
  picture: "Picture with the faces found",
  results: "Emotions",
  nothing_yet: "The emotions of the face you touch appear here.",
  unreadable: "This file is not a picture that this browser can read. Choose a JPEG or PNG.",
  camera_denied: "The camera is denied to this page. Allow it in the browser’s settings for this page, or choose a photo.",
  camera_none: "No camera was found. Choose a photo instead.",
  camera_busy: "The camera cannot be opened; another program may be using it. Close that, or choose a photo.",
  camera_insecure: "Browsers give the camera to pages over https or on localhost only. Choose a photo instead.",
  failed: "Something went wrong: {0}",
  broken: "The page cannot work without its networks: {0}",
  privacy_title: "Privacy",
  privacy:
    "Nothing leaves this page. Pictures are analysed on this device and never stored. Before the first picture, the page "
    + "forbids itself every connection by its Content-Security-Policy, and the browser enforces it.",
  use_title: "What it must not be used for",
  use:
    "The network guesses how an expression looks to others. It is often wrong, and more often for some groups of "
    + "people. It does not know what anybody feels. Do not use it to "
    + "judge, hire, grade, watch or diagnose people. In the European Union, recognising emotions at work and in "
    + "education is prohibited (AI Act, Article 5).",
  measured: "On test faces that people had labelled, this network names {0} as they did.",
  check: "Self-check",
  check_what: "Replays the bundle’s golden vectors in this browser and compares with what Python computed.",
  check_run: "Run the self-check",
  check_running: "Replaying… {0} of {1}",
  check_passed: "This browser computes what Python computed.",
  check_differs: "This browser does not compute what Python computed.",
  check_photos: "Decoded alike: {0} of {1} photos",
  check_crops: "Cut alike: {0} of {1} faces",
  check_faces: "Faces found: {0} of {1}, and {2} more; boxes off by {3} px at most",
  check_variant: "{0}: largest difference {1}, same answer {2}% of {3}, {4} ms",
  share: "Share as JSON",
  close: "Close",
  language: "Français",
};

const fr: typeof en = {
  title: "Émotions du visage",
  loading: "Chargement des réseaux…",
  start: "Choisissez une photo ou utilisez la caméra. Rien ne quitte cette page.",
  choose: "Choisir une photo",
  camera: "Caméra",
  take: "Prendre la photo",
  stop: "Arrêter la caméra",
  network: "Réseau, ms par visage",
  network_time: "{0}\u00a0: {1} ms",
  fetching: "Chargement de {0}…",
  not_here: "Ce réseau n’est pas sur cet appareil et n’a pas pu être chargé. Connectez-vous une fois, puis choisissez-le de nouveau.",
  reading: "Lecture de la photo…",
  analysing: "Recherche de visages…",
  no_face: "Aucun visage trouvé. Essayez une photo où un visage est plus grand, éclairé de face et non détourné.",
  one_face: "1 visage trouvé.",
  faces: "{0} visages trouvés. Touchez un visage pour voir ses émotions.",
  took: "Photo analysée en {0} ms.",
  live: "{0} images par seconde",
  live_none: "Aucun visage dans l’image.",
  face: "Visage {0}\u00a0: {1}",
  results_of: "Émotions du visage {0}",
  percent: "{0}\u00a0%",
  picture: "Image avec les visages trouvés",
  results: "Émotions",
  nothing_yet: "Les émotions du visage que vous touchez s’affichent ici.",
  unreadable: "Ce fichier n’est pas une image que ce navigateur sait lire. Choisissez un JPEG ou un PNG.",
  camera_denied: "La caméra est refusée à cette page. Autorisez-la dans les réglages du navigateur pour cette page, ou choisissez une photo.",
  camera_none: "Aucune caméra n’a été trouvée. Choisissez plutôt une photo.",
  camera_busy: "La caméra ne peut pas être ouverte\u00a0; un autre programme l’utilise peut-être. Fermez-le, ou choisissez une photo.",
  camera_insecure: "Les navigateurs ne donnent la caméra qu’aux pages en https ou sur localhost. Choisissez plutôt une photo.",
  failed: "Une erreur s’est produite\u00a0: {0}",
  broken: "La page ne peut rien sans ses réseaux\u00a0: {0}",
  privacy_title: "Vie privée",
  privacy:
    "Rien ne quitte cette page. Les images sont analysées sur cet appareil et ne sont jamais enregistrées. Avant la "
    + "première image, la page s’interdit toute connexion par sa Content-Security-Policy, et le navigateur y veille.",
  use_title: "À quoi elle ne doit pas servir",
  use:
    "Le réseau devine comment une expression paraît aux autres. Il se trompe souvent, et plus souvent pour certains "
    + "groupes de personnes. Il ne sait pas ce que quelqu’un ressent. Ne l’utilisez pas pour juger, recruter, noter, surveiller ou diagnostiquer. Dans l’Union "
    + "européenne, reconnaître les émotions au travail et dans l’enseignement est interdit (règlement IA, article 5).",
  measured: "Sur des visages de test étiquetés par des personnes, ce réseau en nomme {0} comme elles.",
  check: "Autotest",
  check_what: "Rejoue les vecteurs de référence dans ce navigateur et compare avec ce que Python a calculé.",
  check_run: "Lancer l’autotest",
  check_running: "En cours… {0} sur {1}",
  check_passed: "Ce navigateur calcule ce que Python a calculé.",
  check_differs: "Ce navigateur ne calcule pas ce que Python a calculé.",
  check_photos: "Décodées à l’identique\u00a0: {0} photos sur {1}",
  check_crops: "Découpés à l’identique\u00a0: {0} visages sur {1}",
  check_faces: "Visages trouvés\u00a0: {0} sur {1}, et {2} de plus\u00a0; cadres décalés de {3} px au plus",
  check_variant: "{0}\u00a0: plus grand écart {1}, même réponse pour {2}\u00a0% de {3}, {4} ms",
  share: "Partager en JSON",
  close: "Fermer",
  language: "English",
};

const EMOTIONS: Record<string, [english: string, french: string]> = {
  angry: ["anger", "colère"],
  anger: ["anger", "colère"],
  disgust: ["disgust", "dégoût"],
  fear: ["fear", "peur"],
  happy: ["happiness", "joie"],
  happiness: ["happiness", "joie"],
  sad: ["sadness", "tristesse"],
  sadness: ["sadness", "tristesse"],
  surprise: ["surprise", "surprise"],
  neutral: ["neutral", "neutre"],
  contempt: ["contempt", "mépris"],
};

export type Word = keyof typeof en;
export type Language = "en" | "fr";

/** The page's texts in one language. */
export class Words {
  constructor(readonly language: Language) {}

  /** The language that was chosen here before, else the browser's. */
  static preferred(): Words {
    const chosen = localStorage.getItem("language") ?? navigator.language.slice(0, 2);
    return new Words(chosen === "fr" ? "fr" : "en");
  }

  get other(): Words {
    return new Words(this.language === "en" ? "fr" : "en");
  }

  /** A text with its gaps filled in. */
  of(word: Word, ...gaps: (string | number)[]): string {
    const text = (this.language === "fr" ? fr : en)[word];
    return gaps.reduce<string>((filled, gap, at) => filled.replace(`{${at}}`, String(gap)), text);
  }

  /** The name of a contract's label; the label itself where there is no other name for it. */
  emotion(label: string): string {
    return EMOTIONS[label.toLowerCase()]?.[this.language === "en" ? 0 : 1] ?? label;
  }

  percent(probability: number): string {
    return this.of("percent", Math.round(probability * 100));
  }

  number(value: number, digits: number): string {
    return value.toLocaleString(this.language, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  }
}
