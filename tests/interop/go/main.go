// SPDX-License-Identifier: Apache-2.0

// Echoes its standard input through a job, by the stock protobuf library of
// Go: protodelim reads and writes the frames.
//
//	main DESCRIPTOR_SET HOST:PORT CHUNK_BYTES
package main

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"os"

	"google.golang.org/protobuf/encoding/protodelim"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

type client struct {
	files *protoregistry.Files
	conn  net.Conn
	in    *bufio.Reader
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func loadSchema(path string) *protoregistry.Files {
	data, err := os.ReadFile(path)
	check(err)
	set := &descriptorpb.FileDescriptorSet{}
	check(proto.Unmarshal(data, set))
	files, err := protodesc.NewFiles(set)
	check(err)
	return files
}

func (c *client) message(name string) *dynamicpb.Message {
	found, err := c.files.FindDescriptorByName(protoreflect.FullName("runnel.v1." + name))
	check(err)
	return dynamicpb.NewMessage(found.(protoreflect.MessageDescriptor))
}

func (c *client) fromJSON(name, json string) *dynamicpb.Message {
	message := c.message(name)
	check(protojson.Unmarshal([]byte(json), message))
	return message
}

func field(message protoreflect.Message, name string) protoreflect.Value {
	return message.Get(message.Descriptor().Fields().ByName(protoreflect.Name(name)))
}

func (c *client) send(json string) {
	_, err := protodelim.MarshalTo(c.conn, c.fromJSON("Frame", json))
	check(err)
}

// call sends a request and gives every answer to each until the Status.
func (c *client) call(id int, method string, request proto.Message, answer string, each func(protoreflect.Message)) {
	data, err := proto.Marshal(request)
	check(err)
	c.send(fmt.Sprintf(`{"streamId":%d,"call":{"method":"runnel.v1.%s"}}`, id, method))
	c.send(fmt.Sprintf(`{"streamId":%d,"message":"%s"}`, id, base64.StdEncoding.EncodeToString(data)))
	c.send(fmt.Sprintf(`{"streamId":%d,"halfClose":{}}`, id))
	for {
		frame := c.message("Frame")
		check(protodelim.UnmarshalFrom(c.in, frame))
		body := frame.WhichOneof(frame.Descriptor().Oneofs().ByName("body"))
		switch body.Name() {
		case "message":
			received := frame.Get(body).Bytes()
			c.send(fmt.Sprintf(`{"streamId":%d,"credit":{"bytes":%d}}`, id, len(received)))
			message := c.message(answer)
			check(proto.Unmarshal(received, message))
			each(message)
		case "status":
			status := frame.Get(body).Message()
			if field(status, "code").Enum() != 0 {
				check(fmt.Errorf("%s", field(status, "message").String()))
			}
			return
		}
	}
}

func main() {
	conn, err := net.Dial("tcp", os.Args[2])
	check(err)
	c := &client{loadSchema(os.Args[1]), conn, bufio.NewReader(conn)}
	input, err := io.ReadAll(os.Stdin)
	check(err)
	c.send(`{"hello":{"protocolVersion":1,"agent":"go"}}`)
	spec := c.fromJSON("CreateJobRequest", fmt.Sprintf(
		`{"kind":"echo","input":{"data":"%s"},"options":{"chunk_bytes":"%s"}}`,
		base64.StdEncoding.EncodeToString(input), os.Args[3]))
	var jobID string
	c.call(1, "JobService/CreateJob", spec, "CreateJobResponse", func(m protoreflect.Message) {
		jobID = field(field(m, "job").Message(), "id").String()
	})
	watch := c.fromJSON("WatchJobRequest", fmt.Sprintf(`{"jobId":"%s"}`, jobID))
	c.call(3, "JobService/WatchJob", watch, "WatchJobResponse", func(m protoreflect.Message) {
		event := field(m, "event").Message()
		delta := field(event, "delta").Message()
		os.Stdout.Write(field(delta, "data").Bytes())
		io.WriteString(os.Stdout, field(delta, "text").String())
	})
}
