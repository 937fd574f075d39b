// @ts-nocheck - a service worker's own globals are not the page's, and a project has one set of them
// The page without a network: all files of one version, each with the very content that it was built with. A new version
// waits until the person wants it, and the old one goes on with its own files. Nothing but our own files is kept: no answer
// of the server, nothing that anybody wrote. The build puts the list in (build/offline.ts).

const FILES = __FILES__
const CACHE = `backchannel ${FILES.map(([, integrity]) => integrity.slice(7, 13)).join("")}`
// invitations and host links lead to the page itself: their secrets stand behind the #
const PAGES = ["/", "/i", "/host"]
const PATHS = new Set(FILES.map(([path]) => path))

self.addEventListener("install", (event) => event.waitUntil(take()))
self.addEventListener("activate", (event) => event.waitUntil(dropOthers()))
self.addEventListener("message", ({ data }) => data === "use" && self.skipWaiting())
self.addEventListener("fetch", (event) => {
  const { pathname, origin } = new URL(event.request.url)
  const path = PAGES.includes(pathname) ? "/" : pathname
  if (event.request.method !== "GET" || origin !== self.location.origin || !PATHS.has(path)) return
  event.respondWith(answer(path, event.request))
})

async function take() {
  const cache = await caches.open(CACHE)
  await cache.addAll(FILES.map(([path, integrity]) => new Request(path, { integrity, cache: "no-cache" })))
}

async function dropOthers() {
  const names = await caches.keys()
  await Promise.all(names.filter((name) => name !== CACHE).map((name) => caches.delete(name)))
}

async function answer(path, request) {
  const cache = await caches.open(CACHE)
  return (await cache.match(path)) ?? fetch(request)
}
