/// <reference lib="webworker" />
import { addPlugins, cleanupOutdatedCaches, precacheAndRoute, type PrecacheEntry } from "workbox-precaching";
import { liteRtBuild } from "./relaxedSimd.js";

declare const self: ServiceWorkerGlobalScope & { __WB_MANIFEST: (PrecacheEntry | string)[] };

/** Files that were asked for: other networks and the second runtime. */
const ASKED_FOR = "asked-for";

const url = (entry: PrecacheEntry | string): string => (typeof entry === "string" ? entry : entry.url);

// What the page has just loaded is asked for by its ETag or date only, so that a first visit transfers it once.
addPlugins([{ requestWillFetch: async ({ request }) => new Request(request, { cache: "no-cache" }) }]);

// Of LiteRT.js' two builds, 9 MB each, only the one that this browser runs is kept.
precacheAndRoute(
  self.__WB_MANIFEST.filter(
    (entry) => !url(entry).startsWith("runtimes/litert/") || url(entry).includes(`/${liteRtBuild()}.`),
  ),
);
cleanupOutdatedCaches();

self.addEventListener("install", () => void self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

// The page itself may not connect once it is open. It names files of this folder, and they are put where it can read
// them; nothing but the address of such a file can pass here.
self.addEventListener("message", (event) => {
  const answer = event.ports[0];
  const asked = new URL(String(event.data), self.registration.scope);
  const inside = asked.href.startsWith(self.registration.scope) && !asked.search && !asked.hash;
  const kept = inside ? keep(asked) : Promise.reject(new Error(`${asked.href} is not a file of this page`));
  event.waitUntil(kept.then(() => answer?.postMessage(null), (error: Error) => answer?.postMessage(error.message)));
});

async function keep(asked: URL): Promise<void> {
  const cache = await caches.open(ASKED_FOR);
  const response = await fetch(asked);
  if (!response.ok) throw new Error(`${response.status}`);
  await cache.put(asked, response);
}

self.addEventListener("fetch", (event) => {
  if (event.request.mode === "navigate") return;
  event.respondWith(
    caches.open(ASKED_FOR).then(async (cache) => (await cache.match(event.request)) ?? fetch(event.request)),
  );
});
