// SPDX-License-Identifier: Apache-2.0

import com.google.protobuf.ByteString;
import com.google.protobuf.DescriptorProtos.FileDescriptorProto;
import com.google.protobuf.DescriptorProtos.FileDescriptorSet;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.EnumValueDescriptor;
import com.google.protobuf.Descriptors.FileDescriptor;
import com.google.protobuf.DynamicMessage;
import com.google.protobuf.Message;
import java.io.BufferedInputStream;
import java.io.FileInputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Echoes its standard input through a job, by the stock protobuf library of
 * Java: writeDelimitedTo and mergeDelimitedFrom write and read the frames.
 *
 * <p>Echo DESCRIPTOR_SET HOST:PORT CHUNK_BYTES
 */
public class Echo {
  private final Map<String, FileDescriptor> files = new HashMap<>();
  private final InputStream in;
  private final OutputStream out;

  private Echo(String schema, Socket socket) throws Exception {
    try (InputStream file = new FileInputStream(schema)) {
      for (FileDescriptorProto proto : FileDescriptorSet.parseFrom(file).getFileList()) {
        List<FileDescriptor> needed = new ArrayList<>();
        for (String name : proto.getDependencyList()) {
          needed.add(files.get(name));
        }
        files.put(proto.getName(),
            FileDescriptor.buildFrom(proto, needed.toArray(new FileDescriptor[0])));
      }
    }
    in = new BufferedInputStream(socket.getInputStream());
    out = socket.getOutputStream();
  }

  private DynamicMessage.Builder message(String file, String name) {
    Descriptor type = files.get("runnel/v1/" + file + ".proto").findMessageTypeByName(name);
    return DynamicMessage.newBuilder(type);
  }

  private static void set(Message.Builder message, String field, Object value) {
    message.setField(message.getDescriptorForType().findFieldByName(field), value);
  }

  private static Object get(Message message, String field) {
    return message.getField(message.getDescriptorForType().findFieldByName(field));
  }

  private void send(int stream, String body, Object value) throws Exception {
    DynamicMessage.Builder frame = message("frame", "Frame");
    set(frame, "stream_id", stream);
    set(frame, body, value);
    frame.build().writeDelimitedTo(out);
  }

  private DynamicMessage with(String name, String field, Object value) {
    DynamicMessage.Builder made = message("frame", name);
    set(made, field, value);
    return made.build();
  }

  private void call(int stream, String method, Message request, String answer,
      Consumer<Message> each) throws Exception {
    send(stream, "call", with("Call", "method", "runnel.v1.JobService/" + method));
    send(stream, "message", request.toByteString());
    send(stream, "half_close", message("frame", "HalfClose").build());
    while (true) {
      DynamicMessage.Builder frame = message("frame", "Frame");
      if (!frame.mergeDelimitedFrom(in)) {
        throw new IllegalStateException("connection lost");
      }
      Descriptor type = frame.getDescriptorForType();
      String body = frame.getOneofFieldDescriptor(type.getOneofs().get(0)).getName();
      if (body.equals("message")) {
        ByteString data = (ByteString) get(frame.build(), "message");
        send(stream, "credit", with("Credit", "bytes", data.size()));
        each.accept(message("jobs", answer).mergeFrom(data).build());
      } else if (body.equals("status")) {
        Message status = (Message) get(frame.build(), "status");
        if (((EnumValueDescriptor) get(status, "code")).getNumber() != 0) {
          throw new IllegalStateException((String) get(status, "message"));
        }
        return;
      }
    }
  }

  private Message createRequest(byte[] input, String chunkBytes) {
    DynamicMessage.Builder request = message("jobs", "CreateJobRequest");
    DynamicMessage.Builder payload = message("jobs", "Payload");
    set(payload, "data", ByteString.copyFrom(input));
    set(request, "kind", "echo");
    set(request, "input", payload.build());
    var options = request.getDescriptorForType().findFieldByName("options");
    DynamicMessage.Builder option = DynamicMessage.newBuilder(options.getMessageType());
    set(option, "key", "chunk_bytes");
    set(option, "value", chunkBytes);
    request.addRepeatedField(options, option.build());
    return request.build();
  }

  private static void print(Message answer) {
    Message delta = (Message) get((Message) get(answer, "event"), "delta");
    byte[] data = ((ByteString) get(delta, "data")).toByteArray();
    System.out.write(data, 0, data.length);
    System.out.print((String) get(delta, "text"));
  }

  /** Runs it. */
  public static void main(String[] args) throws Exception {
    int colon = args[1].lastIndexOf(':');
    String host = args[1].substring(0, colon);
    try (Socket socket = new Socket(host, Integer.parseInt(args[1].substring(colon + 1)))) {
      Echo echo = new Echo(args[0], socket);
      echo.send(0, "hello", echo.with("Hello", "protocol_version", 1));
      String[] id = {""};
      echo.call(1, "CreateJob", echo.createRequest(System.in.readAllBytes(), args[2]),
          "CreateJobResponse", answer -> id[0] = (String) get((Message) get(answer, "job"), "id"));
      DynamicMessage.Builder watch = echo.message("jobs", "WatchJobRequest");
      set(watch, "job_id", id[0]);
      echo.call(3, "WatchJob", watch.build(), "WatchJobResponse", Echo::print);
      System.out.flush();
    }
  }
}
