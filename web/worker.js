// The service worker: pages that were visited can be read again without a network.
// The build puts VERSION in front, so that each build has a cache of its own.

const CACHE = `aetutor-${VERSION}`;

self.addEventListener("install", () => self.skipWaiting());

self.addEventListener("activate", (event) => {
  event.waitUntil(
    caches.keys().then(async (names) => {
      const old = names.filter((name) => name.startsWith("aetutor-") && name !== CACHE);
      await Promise.all(old.map((name) => caches.delete(name)));
      await self.clients.claim();
    }),
  );
});

// What a page had loaded before this worker was there.
self.addEventListener("message", (event) => {
  event.waitUntil(
    caches.open(CACHE).then((cache) => Promise.allSettled(
      event.data.filter(own).map(async (/** @type {string} */ address) => {
        if (!(await cache.match(address))) await cache.add(address);
      }),
    )),
  );
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method === "GET" && own(request.url)) event.respondWith(answer(request));
});

/** Whether an address is one of this site.
 * @param {string} address */
function own(address) {
  return address.startsWith(self.registration.scope);
}

/** Pages fresh from the network if there is one, all else from the cache if it is there.
 * @param {Request} request */
async function answer(request) {
  const cache = await caches.open(CACHE);
  const page = request.mode === "navigate";
  const kept = await cache.match(request, { ignoreSearch: page });
  if (kept && !page) return kept;
  try {
    const response = await fetch(request);
    if (response.status === 200) await cache.put(request, response.clone());
    return response;
  } catch (error) {
    if (kept) return kept;
    throw error;
  }
}
