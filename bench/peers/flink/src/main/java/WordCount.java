import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.FlatMapFunction;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.file.src.FileSource;
import org.apache.flink.connector.file.src.reader.TextLineInputFormat;
import org.apache.flink.core.fs.Path;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.PrintSink;
import org.apache.flink.util.Collector;

/**
 * What bench/pipelines/word-count-file.ts does, as a Flink program: words of a file, a row per word, with its count so far.
 *
 * <p>Arguments: the file, and a folder for checkpoints. Objects are reused, which Flink leaves off by default.
 */
public final class WordCount {
  public static void main(String[] arguments) throws Exception {
    Configuration settings = new Configuration();
    settings.setString("state.backend.type", "hashmap");
    settings.setString("execution.checkpointing.interval", "1 s");
    settings.setString("execution.checkpointing.mode", "EXACTLY_ONCE");
    settings.setString("execution.checkpointing.storage", "filesystem");
    settings.setString("execution.checkpointing.dir", "file://" + arguments[1]);
    settings.setString("pipeline.object-reuse", "true");
    settings.setString("parallelism.default", "1");
    StreamExecutionEnvironment environment = StreamExecutionEnvironment.getExecutionEnvironment(settings);

    FileSource<String> file =
        FileSource.forRecordStreamFormat(new TextLineInputFormat(), new Path(arguments[0])).build();
    environment
        .fromSource(file, WatermarkStrategy.noWatermarks(), "lines")
        .flatMap(new Split())
        .keyBy(row -> row.f0)
        .map(new Count())
        .filter(row -> row.f0.startsWith("mark-"))
        .sinkTo(new PrintSink<>());
    environment.execute("word-count");
  }

  private static final class Split implements FlatMapFunction<String, Tuple2<String, Long>> {
    private final Tuple2<String, Long> row = Tuple2.of("", 1L);

    @Override
    public void flatMap(String line, Collector<Tuple2<String, Long>> out) {
      for (String word : line.split(" ")) {
        row.f0 = word;
        row.f1 = 1L;
        out.collect(row);
      }
    }
  }

  private static final class Count extends RichMapFunction<Tuple2<String, Long>, Tuple2<String, Long>> {
    private transient ValueState<Long> total;

    @Override
    public void open(OpenContext context) {
      total = getRuntimeContext().getState(new ValueStateDescriptor<>("total", Long.class));
    }

    @Override
    public Tuple2<String, Long> map(Tuple2<String, Long> row) throws Exception {
      Long before = total.value();
      row.f1 += before == null ? 0 : before;
      total.update(row.f1);
      return row;
    }
  }
}
