// SPDX-License-Identifier: Apache-2.0
// Writes the flights of the npm package vega-datasets as CSV, one a line, with
// the columns date,delay,distance,origin,destination:
//
//     node convert.mjs FILE            3,000,000 flights, first half of 2001
//     node convert.mjs --small FILE    20,000 of them, as NDJSON
//
// The file appears only when it is complete.
import {once} from 'node:events'
import {createWriteStream} from 'node:fs'
import {readFile, rename, writeFile} from 'node:fs/promises'
import {createRequire} from 'node:module'
import path from 'node:path'
import {asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects}
    from 'hyparquet'
import {compressors} from 'hyparquet-compressors'

const COLUMNS = ['date', 'delay', 'distance', 'origin', 'destination']

// The package exports code only; its data files lie beside that code.
const build = createRequire(import.meta.url).resolve('vega-datasets')
const data = path.join(path.dirname(build), '..', 'data')

const line = flight =>
    `${flight.date.toISOString()},${flight.delay},${flight.distance},` +
    `${flight.origin},${flight.destination}\n`

// One row group at a time, since all of them as objects would take 1 GB.
async function writeCsv(target) {
    const file = await asyncBufferFromFile(
        path.join(data, 'flights-3m.parquet'))
    const metadata = await parquetMetadataAsync(file)
    const out = createWriteStream(target)
    out.write(COLUMNS.join(',') + '\n')
    let rowStart = 0
    for (const group of metadata.row_groups) {
        const rowEnd = rowStart + Number(group.num_rows)
        const flights = await parquetReadObjects(
            {file, metadata, compressors, columns: COLUMNS, rowStart, rowEnd})
        if (!out.write(flights.map(line).join('')))
            await once(out, 'drain')
        rowStart = rowEnd
    }
    out.end()
    await once(out, 'finish')
    return rowStart
}

// Dates become RFC 3339, as programs write them.
async function writeNdjson(target) {
    const flights = JSON.parse(
        await readFile(path.join(data, 'flights-20k.json'), 'utf8'))
    const lines = flights.map(flight => JSON.stringify({
        ...flight,
        date: flight.date.replaceAll('/', '-').replace(' ', 'T') + ':00Z',
    }))
    await writeFile(target, lines.join('\n') + '\n')
    return flights.length
}

const args = process.argv.slice(2)
const small = args[0] === '--small' && args.shift()
if (args.length !== 1) {
    console.error('usage: node convert.mjs [--small] FILE')
    process.exit(2)
}
const part = `${args[0]}.part`
const count = await (small ? writeNdjson : writeCsv)(part)
await rename(part, args[0])
console.log(count)
