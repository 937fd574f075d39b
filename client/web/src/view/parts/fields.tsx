/** Fields of forms, each with its name, its help and what is wrong with it. */

import type { ComponentChildren } from "preact"
import { useId } from "preact/hooks"

interface FieldProps {
  readonly label: string
  readonly help?: string
  readonly fault?: string | undefined
  readonly value: string
  readonly onInput: (value: string) => void
  /** More than one: a text of several lines. */
  readonly rows?: number
  readonly isRequired?: boolean
  readonly autocomplete?: string
}

export function Field({
  label,
  help,
  fault,
  value,
  onInput,
  rows = 1,
  isRequired = false,
  autocomplete,
}: FieldProps) {
  const id = useId()
  const about = [help === undefined ? "" : `${id}-help`, fault === undefined ? "" : `${id}-fault`]
    .join(" ")
    .trim()
  const shared = {
    id,
    value,
    dir: "auto" as const,
    required: isRequired,
    "aria-invalid": fault !== undefined,
    "aria-describedby": about === "" ? undefined : about,
  }
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {help !== undefined && (
        <p class="help" id={`${id}-help`}>
          {help}
        </p>
      )}
      {rows > 1 ? (
        <textarea {...shared} rows={rows} onInput={({ currentTarget }) => onInput(currentTarget.value)} />
      ) : (
        <input
          {...shared}
          type="text"
          autoComplete={autocomplete ?? "off"}
          onInput={({ currentTarget }) => onInput(currentTarget.value)}
        />
      )}
      {fault !== undefined && (
        <p class="fault" id={`${id}-fault`}>
          {fault}
        </p>
      )}
    </div>
  )
}

interface ChoiceProps<V extends string> {
  readonly label: string
  readonly options: readonly (readonly [V, string])[]
  readonly value: V
  readonly onChoose: (value: V) => void
  readonly help?: string
}

/** One of a list, in the browser's own manner. */
export function Choice<V extends string>({ label, options, value, onChoose, help }: ChoiceProps<V>) {
  const id = useId()
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select
        id={id}
        value={value}
        aria-describedby={help === undefined ? undefined : `${id}-help`}
        onChange={({ currentTarget }) => onChoose(currentTarget.value as V)}
      >
        {options.map(([one, called]) => (
          <option key={one} value={one}>
            {called}
          </option>
        ))}
      </select>
      {help !== undefined && (
        <p class="help" id={`${id}-help`}>
          {help}
        </p>
      )}
    </div>
  )
}

interface RadiosProps<V extends string> {
  readonly label: string
  readonly options: readonly {
    readonly value: V
    readonly called: string
    readonly help?: string
    readonly icon?: ComponentChildren
  }[]
  readonly value: V
  readonly onChoose: (value: V) => void
}

/** One of a few, each with a sentence. */
export function Radios<V extends string>({ label, options, value, onChoose }: RadiosProps<V>) {
  const id = useId()
  return (
    <fieldset class="radios">
      <legend>{label}</legend>
      {options.map((one) => (
        <label key={one.value} class={one.value === value ? "radio chosen" : "radio"}>
          <input
            type="radio"
            name={id}
            value={one.value}
            checked={one.value === value}
            onChange={() => onChoose(one.value)}
          />
          <span>
            <span class="radio-name">
              {one.icon}
              {one.called}
            </span>
            {one.help !== undefined && <span class="help">{one.help}</span>}
          </span>
        </label>
      ))}
    </fieldset>
  )
}

interface TickProps {
  readonly label: string
  readonly isOn: boolean
  readonly onTurn: (isOn: boolean) => void
}

export function Tick({ label, isOn, onTurn }: TickProps) {
  return (
    <label class="tick">
      <input type="checkbox" checked={isOn} onChange={({ currentTarget }) => onTurn(currentTarget.checked)} />
      <span>{label}</span>
    </label>
  )
}
