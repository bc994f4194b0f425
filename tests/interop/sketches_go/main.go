// SPDX-License-Identifier: Apache-2.0

// A DDSketch by Datadog's own library for Go.
//
//	main read < sketch     its count, and quantiles 0 to 1 by thousandths
//	main dense < values    a sketch of doubles, little endian; bins contiguous
//	main sparse < values   the same with bins in a map
package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"

	"github.com/DataDog/sketches-go/ddsketch"
	"github.com/DataDog/sketches-go/ddsketch/mapping"
	"github.com/DataDog/sketches-go/ddsketch/pb/sketchpb"
	"github.com/DataDog/sketches-go/ddsketch/store"
	"google.golang.org/protobuf/proto"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func read(in []byte) {
	var message sketchpb.DDSketch
	check(proto.Unmarshal(in, &message))
	sketch, err := ddsketch.FromProto(&message)
	check(err)
	fmt.Printf("count %.0f\n", sketch.GetCount())
	if sketch.IsEmpty() {
		return
	}
	for i := 0; i <= 1000; i++ {
		value, err := sketch.GetValueAtQuantile(float64(i) / 1000)
		check(err)
		fmt.Printf("q%d %x\n", i, value)
	}
}

func write(in []byte, stores store.Provider) {
	m, err := mapping.NewLogarithmicMappingWithGamma(math.Exp2(1.0/64), 0)
	check(err)
	sketch := ddsketch.NewDDSketch(m, stores(), stores())
	values := make([]float64, len(in)/8)
	check(binary.Read(bytes.NewReader(in), binary.LittleEndian, values))
	for _, value := range values {
		check(sketch.Add(value))
	}
	out, err := proto.Marshal(sketch.ToProto())
	check(err)
	_, err = os.Stdout.Write(out)
	check(err)
}

func main() {
	in, err := io.ReadAll(os.Stdin)
	check(err)
	switch os.Args[1] {
	case "read":
		read(in)
	case "dense":
		write(in, func() store.Store { return store.NewDenseStore() })
	case "sparse":
		write(in, func() store.Store { return store.NewSparseStore() })
	default:
		check(fmt.Errorf("no command %q", os.Args[1]))
	}
}
