// SPDX-License-Identifier: Apache-2.0
// Compares what Runnel says of the flights with what is true:
//
//     node check.mjs BRIDGE_URL STREAM FILE
//
// Counts, minimum and maximum must be exact, moments as exact as doubles are;
// estimates must lie within the bounds that Runnel states with each of them.
// Prints what does not hold and exits 1, or the number of answers compared.
import {exact} from './exact.mjs'

const [bridge, stream, file] = process.argv.slice(2)
if (!file) {
    console.error('usage: node check.mjs BRIDGE_URL STREAM FILE')
    process.exit(2)
}
const base = `${bridge}/v1/streams/${encodeURIComponent(stream)}`

/** Keys in one request. */
const KEYS_AT_ONCE = 100
/** Sums of three million doubles in any order, far above their rounding. */
const MOMENT_ERROR = 1e-9
const QUANTILES = [0, 0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95,
    0.99, 0.999, 1]

let compared = 0
const faults = []

function check(holds, what) {
    compared++
    if (!holds)
        faults.push(what)
}

const equal = (name, said, truth) =>
    check(Number(said) === truth, `${name} is ${said}, in truth ${truth}`)

const near = (name, said, truth) =>
    check(Math.abs(said - truth) <= MOMENT_ERROR * Math.abs(truth),
        `${name} is ${said}, in truth ${truth}`)

const within = (name, {lower = 0, upper = 0}, truth) =>
    check(Number(lower) <= truth && truth <= Number(upper),
        `${name} is said to be ${lower} to ${upper}, in truth ${truth}`)

async function get(path) {
    const answer = await fetch(`${base}${path}`)
    if (!answer.ok)
        throw new Error(`GET ${base}${path}: ${await answer.text()}`)
    return answer.json()
}

function checkMoments(value, truth) {
    equal('the number of values', value.count, truth.count)
    equal('the least value', value.min, truth.min)
    equal('the greatest value', value.max, truth.max)
    near('the mean', value.mean, truth.mean)
    near('the variance', value.variance, truth.variance)
    near('the standard deviation', value.stddev, Math.sqrt(truth.variance))
}

// Between two neighbours of the sorted values any definition of a quantile
// has its place.
function checkQuantiles(name, quantiles, error, {sorted}) {
    for (const {q = 0, value = 0} of quantiles) {
        const place = q * (sorted.length - 1)
        const low = sorted[Math.floor(place)]
        const high = sorted[Math.ceil(place)]
        check(low - Math.abs(low) * error <= value &&
            value <= high + Math.abs(high) * error,
        `${name} ${q} is ${value}, in truth ${low} to ${high}`)
    }
}

// The counts of a histogram add up; its edges may cut a bucket's values off
// by their own relative error.
function checkHistogram({histogram, count}, error, {sorted}) {
    const sum = histogram.reduce((n, bucket) => n + Number(bucket.count), 0)
    equal('the sum of the histogram', sum, Number(count))
    let below = 0
    for (const {upper = 0, count: n} of histogram) {
        below += Number(n)
        const last = sorted[below - 1]
        check(last <= upper + Math.abs(upper) * error,
            `${below} values are said to be up to ${upper}, one is ${last}`)
    }
}

function checkTop(top, truth) {
    const ranking = [...truth.frequencies].sort((a, b) => b[1] - a[1])
    top.forEach(({key, ...bounds}, i) => {
        within(`the frequency of top key ${key}`, bounds,
            truth.frequencies.get(key))
        check(key === ranking[i][0], `top key ${i + 1} is ${key}, in truth ` +
            ranking[i][0])
    })
    check(top.length > 0, 'there are no top keys')
}

async function checkFrequencies(truth) {
    const keys = [...truth.frequencies.keys(), 'no such airport']
    for (let i = 0; i < keys.length; i += KEYS_AT_ONCE) {
        const query = new URLSearchParams()
        for (const key of keys.slice(i, i + KEYS_AT_ONCE))
            query.append('keys', key)
        const {frequencies, count} = await get(`/frequency?${query}`)
        equal('the events of the frequencies', count, truth.count)
        for (const {key, ...bounds} of frequencies)
            within(`the frequency of ${key}`, bounds,
                truth.frequencies.get(key) ?? 0)
        equal('the number of frequencies', frequencies.length,
            Math.min(KEYS_AT_ONCE, keys.length - i))
    }
}

async function checkRanks(truth) {
    const {quantiles, relativeError} = await get('/quantiles?metric=value&' +
        QUANTILES.map(q => `q=${q}`).join('&'))
    equal('the number of quantiles', quantiles.length, QUANTILES.length)
    checkQuantiles('quantile', quantiles, relativeError, truth)
}

const truth = await exact(file)
const {stats} = await get('/stats?top=10')
const {value} = stats
equal('the number of events', stats.count, truth.count)
equal('the number of late events', stats.lateEvents ?? 0, 0)
within('the number of keys', stats.uniqueKeys, truth.frequencies.size)
checkMoments(value, truth)
checkQuantiles('the quantile of the statistics', value.quantiles,
    value.quantileRelativeError, truth)
checkHistogram(value, value.quantileRelativeError, truth)
checkTop(stats.topKeys, truth)
await checkFrequencies(truth)
await checkRanks(truth)

for (const fault of faults)
    console.error(`check: ${fault}`)
if (faults.length > 0)
    process.exit(1)
console.log(compared)
