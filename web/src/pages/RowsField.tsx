import type { ReactElement } from "react";

import type { Column } from "@/api/jobs";
import type { Faults } from "@/api/problem";
import { Choices, Field, Select } from "@/ui/Field";

import type { SyncValue } from "./syncValue";

interface Props {
  value: SyncValue;
  set: (change: Partial<SyncValue>) => void;
  faults: Faults;
  columns: Column[] | undefined;
}

const ARRAYS = /\[\]$|^(json|jsonb)$/;
const INTEGERS = /^(bigint|int8|smallint|int2|integer|int4)$/;
const NUMBERS = /^(bigint|int8|smallint|int2|integer|int4|numeric|decimal)/;

/** How many messages a row makes, and how its values are written in them. */
export function RowsField({ value, set, faults, columns }: Props): ReactElement {
  const arrays = columns?.filter((column) => ARRAYS.test(column.source_type)).map((column) => column.name) ?? [];
  const names = value.fanOut && !arrays.includes(value.fanOut) ? [value.fanOut, ...arrays] : arrays;
  const numeric = columns?.filter((column) => NUMBERS.test(column.source_type)) ?? [];
  return (
    <div className="space-y-5">
      <Field
        label="Messages of a row"
        error={faults["/fan_out"] ?? faults["/fan_out/column"]}
        hint={value.fanOut ? <>Each element is added, changed and removed by itself; the message has it as <code className="font-mono">{"{{ element }}"}</code>.</> : names.length === 0 ? "The model has no column that holds an array." : "For an array of ids, say, of which each wants a message of its own."}
      >
        <Select value={value.fanOut} onChange={(event) => set({ fanOut: event.target.value })}>
          <option value="">One</option>
          {names.map((name) => <option key={name} value={name}>One for each element of {name}</option>)}
        </Select>
      </Field>
      <Choices
        legend="A name in the message that nothing is known of"
        inline
        value={value.missing}
        onChange={(missing) => set({ missing })}
        choices={[
          { value: "error", label: "is a mistake", hint: "A member that a JSON value lacks rejects the row; a column that there is not cannot be saved." },
          { value: "null", label: "is null", hint: "For JSON whose members are not always there." },
        ]}
      />
      {numeric.length > 0 && (
        <fieldset>
          <legend className="mb-1 text-[13px] font-medium">How numbers are written</legend>
          <p className="mb-2 text-xs text-muted">A JSON number has every digit here, but some readers round it: integers beyond 2^53, and decimals.</p>
          <div className="grid gap-2 sm:grid-cols-2">
            {numeric.map(({ name, source_type }) => {
              const usual = INTEGERS.test(source_type) ? "number" : "string";
              return (
                <div key={name} className="flex items-center gap-2">
                  <span className="min-w-0 flex-1 truncate font-mono text-xs" title={`${name}, ${source_type}`}>{name}</span>
                  <Select aria-label={`How ${name} is written`} className="w-44" value={value.numbers[name] ?? usual} onChange={(event) => set({ numbers: withNumber(value.numbers, name, event.target.value as "number" | "string", usual) })}>
                    <option value="number">as a number: 12.50</option>
                    <option value="string">as a text: "12.50"</option>
                  </Select>
                </div>
              );
            })}
          </div>
          {Object.entries(faults).filter(([pointer]) => pointer.startsWith("/numbers")).map(([pointer, text]) => <p key={pointer} role="alert" className="mt-1 text-xs text-bad">{text}</p>)}
        </fieldset>
      )}
    </div>
  );
}

/** Only what differs from the usual way is kept. */
export function withNumber(numbers: SyncValue["numbers"], name: string, wanted: "number" | "string", usual: "number" | "string"): SyncValue["numbers"] {
  const { [name]: _, ...others } = numbers;
  return wanted === usual ? others : { ...others, [name]: wanted };
}
