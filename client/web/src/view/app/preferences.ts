/** Small wishes of a person about this page: the language, sounds. Kept for the tab, and where asked for, for the browser. */

type Preference = "language" | "sound" | "notify"

const STORES: readonly (() => Storage)[] = [() => sessionStorage, () => localStorage]

export function preference(of: Preference): string | null {
  try {
    return sessionStorage.getItem(of) ?? localStorage.getItem(of)
  } catch {
    return null // a browser that keeps nothing
  }
}

export function prefer(of: Preference, value: string, isLasting: boolean): void {
  for (const store of isLasting ? STORES : STORES.slice(0, 1))
    try {
      store().setItem(of, value)
    } catch {
      // a browser that keeps nothing: it is asked again next time
    }
}

/** Nothing of it stays. */
export function forgetPreferences(): void {
  for (const store of STORES)
    try {
      store().clear()
    } catch {
      // where nothing can be kept, nothing was
    }
}
