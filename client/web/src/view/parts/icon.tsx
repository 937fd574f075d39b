/** Small pictures beside words; screen readers skip them. */

const PATHS = {
  back: "M15 5l-7 7 7 7",
  close: "M6 6l12 12M18 6L6 18",
  more: "M6 12a1 1 0 11-2 0 1 1 0 012 0zM13 12a1 1 0 11-2 0 1 1 0 012 0zM20 12a1 1 0 11-2 0 1 1 0 012 0z",
  send: "M4 12l16-8-6 16-3-6z",
  people:
    "M9 11a3.5 3.5 0 100-7 3.5 3.5 0 000 7zM2.5 20c.5-4 3-6 6.500-6s6 2 6.500 6M16 4.500a3.500 3.500 0 010 6.500M18 14.500c2 .7 3.200 2.600 3.500 5.500",
  search: "M10.500 17a6.500 6.500 0 100-13 6.500 6.500 0 000 13zM15.500 15.500L20 20",
  door: "M6 21V4l9-1v18M3 21h18M15 6h3v15M12 12h.01",
  gear: "M12 15a3 3 0 100-6 3 3 0 000 6zM12 2.500v3M12 18.500v3M2.500 12h3M18.500 12h3M5.300 5.300l2.100 2.100M16.600 16.600l2.100 2.100M5.300 18.700l2.100-2.100M16.600 7.400l2.100-2.100",
  plus: "M12 5v14M5 12h14",
  reply: "M9 7L4 12l5 5M4 12h9a7 7 0 017 7",
  down: "M12 5v14M6 13l6 6 6-6",
  lock: "M7 11V8a5 5 0 0110 0v3M5.500 11h13v9.500h-13z",
  quote: "M5 17c2.500-1 4-3 4-6V7H4v5h4M15 17c2.500-1 4-3 4-6V7h-5v5h4",
  noQuote: "M5 17c2.500-1 4-3 4-6V7H4v5h4M15 17c2.500-1 4-3 4-6V7h-5v5h4M3 21L21 3",
  named: "M12 11a3.500 3.500 0 100-7 3.500 3.500 0 000 7zM5.500 20c.5-4 3-6 6.500-6s6 2 6.500 6",
  clock: "M12 21a9 9 0 100-18 9 9 0 000 18zM12 7v5l3.500 2",
  alarm: "M12 3L2 20.500h20zM12 10v5M12 17.800h.01",
  check: "M5 13l4.500 4.500L19 7",
  key: "M8 17a4.500 4.500 0 113-7.900L20 9v3h-2.500v3H14l-2-1",
  attach: "M8 12l6-6a3 3 0 014.500 4.500l-8 8a5 5 0 01-7-7l7.500-7.500",
  leave: "M10 4H5v16h5M14 8l4 4-4 4M18 12H9",
  card: "M4 5h16v14H4zM8 10h8M8 14h5",
} as const

export type IconName = keyof typeof PATHS
const TURNED: readonly IconName[] = ["back", "send", "reply", "leave"]

export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class={TURNED.includes(name) ? "icon turned" : "icon"} viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  )
}
