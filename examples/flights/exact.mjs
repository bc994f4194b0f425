// SPDX-License-Identifier: Apache-2.0
// What is true about a file of flights, computed plainly: every value kept,
// sorted, summed without rounding. It shares no code and no method with
// Runnel, since Runnel's answers are judged by it.
import {createReadStream} from 'node:fs'
import {createInterface} from 'node:readline'

// Yields [origin, delay] of each flight in a CSV or NDJSON file.
async function* flights(file) {
    const input = createReadStream(file)
    const lines = createInterface({input, crlfDelay: Infinity})
    let columns = null
    for await (const line of lines) {
        if (file.endsWith('.ndjson')) {
            const flight = JSON.parse(line)
            yield [flight.origin, flight.delay]
        } else if (columns) {
            const cells = line.split(',')
            yield [cells[columns.origin], Number(cells[columns.delay])]
        } else {
            columns = Object.fromEntries(
                line.split(',').map((name, index) => [name, index]))
        }
    }
}

// Delays are whole minutes: sums of them and of their squares are exact in
// integers, and variance = (n * sum(x^2) - sum(x)^2) / n^2 loses nothing.
export async function exact(file) {
    const frequencies = new Map()
    const values = []
    for await (const [origin, delay] of flights(file)) {
        frequencies.set(origin, (frequencies.get(origin) ?? 0) + 1)
        values.push(delay)
    }
    const sorted = Int32Array.from(values).sort()
    let sum = 0n
    let squares = 0n
    for (const value of sorted) {
        sum += BigInt(value)
        squares += BigInt(value * value)
    }
    const n = BigInt(sorted.length)
    return {
        count: sorted.length,
        frequencies,
        sorted,
        sum: Number(sum),
        min: sorted[0],
        max: sorted[sorted.length - 1],
        mean: Number(sum) / Number(n),
        variance: Number(n * squares - sum * sum) / Number(n) / Number(n),
    }
}
