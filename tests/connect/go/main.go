// SPDX-License-Identifier: Apache-2.0

// Does with the stock Go client of Connect what clients do with the bridge at
// the URL of the first argument; ends with the first error. The packages of
// gen are made from our .proto files by test_go.py.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"connectrpc.com/connect"
	"runnel.test/connect/gen/details"
	v1 "runnel.test/connect/gen/runnelv1"
	"runnel.test/connect/gen/runnelv1/runnelv1connect"
)

const noJob = "00000000000000000000000000"

var data = bytes.Repeat([]byte{0, 1, 0x7f, 0x80, 0xff}, 200)

func request(options map[string]string) *connect.Request[v1.CreateJobRequest] {
	return connect.NewRequest(&v1.CreateJobRequest{
		Kind:    "echo",
		Input:   &v1.Payload{Content: &v1.Payload_Data{Data: data}},
		Options: options,
	})
}

func roundTrip(ctx context.Context, jobs runnelv1connect.JobServiceClient) error {
	made, err := jobs.CreateJob(ctx, request(map[string]string{"chunk_bytes": "64"}))
	if err != nil {
		return err
	}
	id := made.Msg.Job.Id
	stream, err := jobs.WatchJob(ctx, connect.NewRequest(&v1.WatchJobRequest{JobId: id}))
	if err != nil {
		return err
	}
	defer stream.Close()
	var out []byte
	var last uint64
	for stream.Receive() {
		last = stream.Msg().Event.Sequence
		delta := stream.Msg().Event.GetDelta()
		out = append(out, delta.GetData()...)
		out = append(out, delta.GetText()...)
	}
	if err := stream.Err(); err != nil {
		return err
	}
	if !bytes.Equal(out, data) {
		return fmt.Errorf("output of %d bytes, not %d", len(out), len(data))
	}
	got, err := jobs.GetJob(ctx, connect.NewRequest(&v1.GetJobRequest{JobId: id}))
	if err != nil {
		return err
	}
	if got.Msg.Job.State != v1.JobState_JOB_STATE_SUCCEEDED || got.Msg.Job.LastSequence != last {
		return fmt.Errorf("job: %v", got.Msg.Job)
	}
	return nil
}

// want says whether err is one of Connect with this code.
func want(err error, code connect.Code) error {
	if connect.CodeOf(err) != code {
		return fmt.Errorf("%w, where %v was to come", err, code)
	}
	return nil
}

func failures(ctx context.Context, jobs runnelv1connect.JobServiceClient) error {
	_, err := jobs.CreateJob(ctx, request(map[string]string{"pace_ms": "-1"}))
	if err := want(err, connect.CodeInvalidArgument); err != nil {
		return err
	}
	var status *connect.Error
	if !errors.As(err, &status) || len(status.Details()) != 1 {
		return fmt.Errorf("details of %w", err)
	}
	detail, err := status.Details()[0].Value()
	if err != nil {
		return err
	}
	bad, ok := detail.(*details.BadRequest)
	if !ok || bad.FieldViolations[0].Field != "options.pace_ms" {
		return fmt.Errorf("detail: %v", detail)
	}
	return ends(ctx, jobs, noJob, connect.CodeNotFound)
}

// ends watches a job, and says whether that ends with code.
func ends(ctx context.Context, jobs runnelv1connect.JobServiceClient, id string, code connect.Code) error {
	stream, err := jobs.WatchJob(ctx, connect.NewRequest(&v1.WatchJobRequest{JobId: id}))
	if err != nil {
		return want(err, code)
	}
	defer stream.Close()
	for stream.Receive() {
	}
	return want(stream.Err(), code)
}

func deadlines(ctx context.Context, jobs runnelv1connect.JobServiceClient) error {
	made, err := jobs.CreateJob(ctx, request(map[string]string{
		"chunk_bytes": "1", "pace_ms": "60000"}))
	if err != nil {
		return err
	}
	soon, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	return ends(soon, jobs, made.Msg.Job.Id, connect.CodeDeadlineExceeded)
}

func run(url string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	forms := map[string][]connect.ClientOption{
		"Connect binary":  {},
		"Connect JSON":    {connect.WithProtoJSON()},
		"Connect GET":     {connect.WithHTTPGet()},
		"Connect gzip":    {connect.WithSendGzip()},
		"gRPC-Web binary": {connect.WithGRPCWeb()},
		"gRPC-Web JSON":   {connect.WithGRPCWeb(), connect.WithProtoJSON()},
		"gRPC-Web gzip":   {connect.WithGRPCWeb(), connect.WithSendGzip()},
	}
	for name, options := range forms {
		jobs := runnelv1connect.NewJobServiceClient(http.DefaultClient, url, options...)
		for _, step := range []func(context.Context, runnelv1connect.JobServiceClient) error{
			roundTrip, failures, deadlines} {
			if err := step(ctx, jobs); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		fmt.Println("ok", name)
	}
	return nil
}

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
