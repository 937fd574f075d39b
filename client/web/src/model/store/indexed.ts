/** The browser's database (IndexedDB), with promises. */

/** What a request gives. Throws what hinders it. */
export function resultOf<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
}

/** The database of that name with these tables, made where there is none; of an earlier version, with its own. */
export function openDatabase(name: string, version: number, tables: readonly string[]): Promise<IDBDatabase> {
  const request = indexedDB.open(name, version)
  request.onupgradeneeded = () => {
    const { objectStoreNames } = request.result // of an earlier version
    for (const table of tables) if (!objectStoreNames.contains(table)) request.result.createObjectStore(table)
  }
  return resultOf(request)
}

/** The database is gone when this returns: nobody may have it open. */
export const deleteDatabase = async (name: string): Promise<void> => {
  await resultOf(indexedDB.deleteDatabase(name))
}

/**
 * One transaction: all that `step` asks for, or nothing. It asks at once, since the database ends a transaction that waits
 * for anything else. What `step` returned is there when this returns, and on the disk.
 */
export async function writeIn<T>(
  database: IDBDatabase,
  tables: readonly string[],
  step: (table: (name: string) => IDBObjectStore) => T,
): Promise<T> {
  const transaction = database.transaction(tables, "readwrite", { durability: "strict" })
  const ended = new Promise<void>((resolve, reject) => {
    transaction.oncomplete = () => resolve()
    transaction.onabort = () => reject(transaction.error)
  })
  try {
    const asked = step((name) => transaction.objectStore(name))
    await ended
    return asked
  } catch (error) {
    ended.catch(() => undefined) // it says again what `error` says
    abort(transaction)
    throw error
  }
}

function abort(transaction: IDBTransaction): void {
  try {
    transaction.abort()
  } catch {
    // it has ended by itself
  }
}
