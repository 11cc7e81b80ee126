// Headless Chromium on a page; prints one JSON line with what was seen.
//   node browser.mjs preview URL SCREENSHOT
//   node browser.mjs room LIVEKIT_URL TOKEN SCREENSHOT
import { createServer } from 'node:http';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--autoplay-policy=no-user-gesture-required'];
const OBSERVE_MS = 5000;
const PATIENCE_MS = 30000;

// Collects the peer connections that a page makes, so that their statistics can be read from outside.
const COLLECT = `(() => {
  const Native = window.RTCPeerConnection;
  window.peerConnections = [];
  window.RTCPeerConnection = class extends Native {
    constructor(...args) { super(...args); window.peerConnections.push(this); }
  };
})()`;

const STATISTICS = async () => {
  for (const pc of window.peerConnections) {
    for (const s of (await pc.getStats()).values()) {
      if (s.type === 'inbound-rtp' && s.kind === 'video' && s.framesDecoded > 0) {
        return { framesDecoded: s.framesDecoded, width: s.frameWidth, height: s.frameHeight, framesDropped: s.framesDropped,
          packetsLost: s.packetsLost, keyFramesDecoded: s.keyFramesDecoded, time: performance.now() };
      }
    }
  }
  return null;
};

const ROOM_PAGE = (url, token) => `<!doctype html><title>room</title><link rel="icon" href="data:,"><video muted autoplay playsinline></video>
<script src="/livekit-client.js"></script><script>
const room = new LivekitClient.Room();
room.on('trackSubscribed', track => { if (track.kind === 'video') track.attach(document.querySelector('video')); });
room.connect(${JSON.stringify(url)}, ${JSON.stringify(token)}).catch(e => console.error('connecting failed'));
</script>`;

function serveRoomPage(url, token) {
  const client = createRequire(import.meta.url).resolve('livekit-client').replace(/[^/]*$/, 'livekit-client.umd.js');
  const server = createServer((request, response) => {
    const script = request.url === '/livekit-client.js';
    response.setHeader('content-type', script ? 'text/javascript' : 'text/html; charset=utf-8');
    response.end(script ? readFileSync(client) : ROOM_PAGE(url, token));
  });
  return new Promise(resolve => server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${server.address().port}/`)));
}

const [mode, ...rest] = process.argv.slice(2);
const screenshot = rest.at(-1);
const address = mode === 'room' ? await serveRoomPage(rest[0], rest[1]) : rest[0];
const profile = mkdtempSync(join(tmpdir(), 'chromium-'));
const context = await chromium.launchPersistentContext(profile, {
  executablePath: '/usr/bin/chromium', headless: true, args: FLAGS, viewport: { width: 1280, height: 900 } });
const page = await context.newPage();
const errors = [];
page.on('console', m => { if (m.type() === 'error') errors.push(m.text()); });
page.on('pageerror', e => errors.push(String(e)));
await page.addInitScript(COLLECT);
const opened = Date.now();
await page.goto(address);
await page.waitForFunction(() => { const v = document.querySelector('video'); return v && v.videoWidth > 2; }, null, { timeout: PATIENCE_MS });
const firstPictureMs = Date.now() - opened;
const until = Date.now() + PATIENCE_MS;
let before = null;
while (!(before = await page.evaluate(STATISTICS)) && Date.now() < until) await page.waitForTimeout(200);
await page.waitForTimeout(OBSERVE_MS);
const after = await page.evaluate(STATISTICS);
await page.screenshot({ path: screenshot });
console.log(JSON.stringify({ errors, firstPictureMs, before, after, text: await page.evaluate(() => document.body.innerText) }));
await context.close();
rmSync(profile, { recursive: true, force: true });
process.exit(0);
