/** A sound or a notification for what is new: that there is something, and never what or from whom. */

import { words } from "../words/language.ts"
import { preference } from "./preferences.ts"

const TONE_HZ = 523
const TONE_S = 0.18

/** The browser lets a page sound after the person has done something in it: before, this is silent. */
function sound(): void {
  const audio = new AudioContext()
  const tone = audio.createOscillator()
  const volume = audio.createGain()
  tone.frequency.value = TONE_HZ
  volume.gain.setValueAtTime(0.08, audio.currentTime)
  volume.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + TONE_S)
  tone.connect(volume).connect(audio.destination)
  tone.start()
  tone.stop(audio.currentTime + TONE_S)
  tone.addEventListener("ended", () => audio.close())
}

function notify(): void {
  if (!("Notification" in globalThis) || Notification.permission !== "granted") return
  const { common, settings } = words.peek()
  const shown = new Notification(common.product, { body: settings.notification, tag: "new" })
  shown.addEventListener("click", () => globalThis.focus())
}

/** Only while the page is not looked at. */
export function signalNew(): void {
  if (document.visibilityState === "visible" && document.hasFocus()) return
  try {
    if (preference("sound") === "on") sound()
    if (preference("notify") === "on") notify()
  } catch {
    // some browsers show notifications through service workers alone: then there is none
  }
}
