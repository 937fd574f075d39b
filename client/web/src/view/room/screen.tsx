export function RoomScreen(_: { readonly id: string }) {
  return null
}
