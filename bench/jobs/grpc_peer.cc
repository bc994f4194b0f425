// SPDX-License-Identifier: Apache-2.0
//
// The same calls with the same messages, served and made by gRPC C++:
//
//   bench_grpc server ANSWER MESSAGES SOCKET
//                                       ANSWER: an encoded GetJobResponse;
//                                       a stream has so many messages; SOCKET:
//                                       path of a Unix socket.
//                                       Prints "HOST:PORT" when it listens.
//   bench_grpc unary|stream LABEL ADDRESS PID CONNECTIONS IN_FLIGHT COUNT
//              REPEATS
//
// Both sides use completion queues, one thread each.
#include <grpcpp/grpcpp.h>
#include <sys/types.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "runnel/v1/jobs.grpc.pb.h"

namespace v1 = runnel::v1;
using Service = v1::JobService::AsyncService;

namespace
{

[[noreturn]] void die(const std::string &why)
{
    fprintf(stderr, "bench: grpc: %s\n", why.c_str());
    exit(EXIT_FAILURE);
}

// What a completion queue gives back.
struct Tag {
    virtual ~Tag() = default;
    virtual void proceed(bool ok) = 0;
};

void run(grpc::CompletionQueue *queue, const bool *stop)
{
    void *tag;
    bool ok;
    while (!*stop && queue->Next(&tag, &ok))
        static_cast<Tag *>(tag)->proceed(ok);
}

// ---- server ----

struct Context {
    Service service;
    std::unique_ptr<grpc::ServerCompletionQueue> queue;
    v1::GetJobResponse answer;
    // What a worker has reported: a delta and a line of the log in turn.
    std::vector<v1::WatchJobResponse> events;
};

struct UnaryCall final : Tag {
    explicit UnaryCall(Context *context) : context(context), writer(&call)
    {
        context->service.RequestGetJob(&call, &request, &writer,
                                       context->queue.get(),
                                       context->queue.get(), this);
    }

    void proceed(bool ok) override
    {
        if (!ok || answered) {
            delete this;
            return;
        }
        new UnaryCall(context);
        answered = true;
        v1::GetJobResponse answer = context->answer;
        answer.mutable_job()->set_id(request.job_id());
        writer.Finish(answer, grpc::Status::OK, this);
    }

    Context *context;
    grpc::ServerContext call;
    v1::GetJobRequest request;
    grpc::ServerAsyncResponseWriter<v1::GetJobResponse> writer;
    bool answered = false;
};

struct StreamCall final : Tag {
    explicit StreamCall(Context *context) : context(context), writer(&call)
    {
        context->service.RequestWatchJob(&call, &request, &writer,
                                         context->queue.get(),
                                         context->queue.get(), this);
    }

    void proceed(bool ok) override
    {
        if (!ok || finished) {
            delete this;
            return;
        }
        if (sent == 0)
            new StreamCall(context);
        if (sent < context->events.size()) {
            writer.Write(context->events[sent++], this);
            return;
        }
        finished = true;
        writer.Finish(grpc::Status::OK, this);
    }

    Context *context;
    grpc::ServerContext call;
    v1::WatchJobRequest request;
    grpc::ServerAsyncWriter<v1::WatchJobResponse> writer;
    size_t sent = 0;
    bool finished = false;
};

void make_events(Context *context, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        v1::WatchJobResponse response;
        v1::JobEvent *event = response.mutable_event();
        event->set_sequence(i + 1);
        event->mutable_time()->set_seconds(1795618790);
        event->mutable_time()->set_nanos(742110131);
        if (i % 2 == 0) {
            event->mutable_delta()->set_text("xxxxxxxx");
        } else {
            event->mutable_log()->set_message("yyyyyyyy");
        }
        context->events.push_back(response);
    }
}

int serve(const std::string &answer, size_t messages, const std::string &path)
{
    Context context;
    std::ifstream file(answer, std::ios::binary);
    if (!context.answer.ParseFromString(
            std::string(std::istreambuf_iterator<char>(file), {})))
        die(answer + " is no answer");
    make_events(&context, messages);
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                             &port);
    builder.AddListeningPort("unix:" + path, grpc::InsecureServerCredentials());
    builder.RegisterService(&context.service);
    context.queue = builder.AddCompletionQueue();
    std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
    if (server == nullptr)
        die("the server does not start");
    printf("127.0.0.1:%d\n", port);
    fflush(stdout);
    new UnaryCall(&context);
    new StreamCall(&context);
    const bool stop = false;
    run(context.queue.get(), &stop);
    return EXIT_SUCCESS;
}

// ---- client ----

double now()
{
    return std::chrono::duration<double>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

double cpu_of(pid_t pid)
{
    clockid_t clock;
    timespec used;
    if (clock_getcpuclockid(pid, &clock) != 0 ||
        clock_gettime(clock, &used) != 0)
        die("the server has ended");
    return static_cast<double>(used.tv_sec) +
           static_cast<double>(used.tv_nsec) * 1e-9;
}

double median(std::vector<double> values, double share = 0.5)
{
    std::sort(values.begin(), values.end());
    return values[std::min(
        values.size() - 1,
        static_cast<size_t>(share * static_cast<double>(values.size())))];
}

struct Load {
    grpc::CompletionQueue queue;
    std::vector<std::unique_ptr<v1::JobService::Stub>> stubs;
    size_t in_flight = 0;
    size_t count = 0;
    size_t begun = 0;
    size_t ended = 0;
    size_t messages = 0;
    bool over = false;
    std::vector<double> times;

    void end(double from)
    {
        times.push_back(now() - from);
        over = ++ended == count;
    }
};

struct UnaryRequest final : Tag {
    UnaryRequest(Load *load, v1::JobService::Stub *stub)
        : load(load), stub(stub), from(now())
    {
        load->begun++;
        v1::GetJobRequest request;
        request.set_job_id("01m89nhz76hqf5cq99fg7t39p9");
        reader = stub->AsyncGetJob(&call, request, &load->queue);
        reader->Finish(&response, &status, this);
    }

    void proceed(bool) override
    {
        if (!status.ok())
            die(status.error_message());
        load->end(from);
        if (load->begun < load->count)
            new UnaryRequest(load, stub);
        delete this;
    }

    Load *load;
    v1::JobService::Stub *stub;
    double from;
    grpc::ClientContext call;
    grpc::Status status;
    v1::GetJobResponse response;
    std::unique_ptr<grpc::ClientAsyncResponseReader<v1::GetJobResponse>> reader;
};

struct StreamRequest final : Tag {
    StreamRequest(Load *load, v1::JobService::Stub *stub)
        : load(load), from(now())
    {
        load->begun++;
        v1::WatchJobRequest request;
        request.set_job_id("01m89nhz76hqf5cq99fg7t39p9");
        reader = stub->AsyncWatchJob(&call, request, &load->queue, this);
    }

    void proceed(bool ok) override
    {
        if (finishing) {
            if (!status.ok())
                die(status.error_message());
            load->end(from);
            delete this;
        } else if (ok) {
            load->messages += reading;
            reading = true;
            reader->Read(&response, this);
        } else {
            finishing = true;
            reader->Finish(&status, this);
        }
    }

    Load *load;
    double from;
    grpc::ClientContext call;
    grpc::Status status;
    v1::WatchJobResponse response;
    std::unique_ptr<grpc::ClientAsyncReader<v1::WatchJobResponse>> reader;
    bool reading = false;
    bool finishing = false;
};

template <typename Request> void round(Load *load)
{
    size_t slots = load->in_flight * load->stubs.size();
    load->begun = load->ended = load->messages = 0;
    load->over = false;
    load->times.clear();
    for (size_t i = 0; i < slots && load->begun < load->count; i++)
        new Request(load, load->stubs[i % load->stubs.size()].get());
    run(&load->queue, &load->over);
}

int measure(const std::string &part, char **argv)
{
    const std::string label = argv[0], address = argv[1];
    const pid_t pid = static_cast<pid_t>(atol(argv[2]));
    const size_t connections = static_cast<size_t>(atol(argv[3]));
    const size_t repeats = static_cast<size_t>(atol(argv[6]));
    const bool streams = part == "stream";
    Load load;
    load.in_flight = static_cast<size_t>(atol(argv[4]));
    load.count = streams ? connections * load.in_flight
                         : static_cast<size_t>(atol(argv[5]));
    for (size_t i = 0; i < connections; i++) {
        grpc::ChannelArguments args;
        args.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
        load.stubs.push_back(v1::JobService::NewStub(grpc::CreateCustomChannel(
            address, grpc::InsecureChannelCredentials(), args)));
    }
    // Connections are made before, as ours are.
    for (auto &stub : load.stubs)
        new UnaryRequest(&load, stub.get());
    const size_t wanted = load.count;
    load.count = connections;
    run(&load.queue, &load.over);
    load.count = wanted;
    std::vector<double> took, cpu;
    for (size_t i = 0; i < repeats; i++) {
        double used = cpu_of(pid), from = now();
        streams ? round<StreamRequest>(&load) : round<UnaryRequest>(&load);
        took.push_back(now() - from);
        cpu.push_back(cpu_of(pid) - used);
    }
    const char *name = streams ? "messages" : "calls";
    const double work =
        static_cast<double>(streams ? load.messages : load.count);
    printf("%s_%s_per_s: %.6g\n", label.c_str(), name, work / median(took));
    printf("%s_%s_per_core_s: %.6g\n", label.c_str(), name, work / median(cpu));
    if (streams)
        return EXIT_SUCCESS;
    printf("%s_p50_us: %.6g\n", label.c_str(), 1e6 * median(load.times));
    printf("%s_p99_us: %.6g\n", label.c_str(), 1e6 * median(load.times, 0.99));
    return EXIT_SUCCESS;
}

} // namespace

int main(int argc, char **argv)
{
    const std::string part = argc > 1 ? argv[1] : "";
    if (part == "server" && argc == 5)
        return serve(argv[2], static_cast<size_t>(atol(argv[3])), argv[4]);
    if ((part == "unary" || part == "stream") && argc == 9)
        return measure(part, argv + 2);
    die("usage: bench_grpc server ANSWER MESSAGES | unary|stream LABEL ADDRESS "
        "PID CONNECTIONS IN_FLIGHT COUNT REPEATS");
}
