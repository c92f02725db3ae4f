using System.Diagnostics;
using System.Text;
using System.Text.Json;
using RftService.Grading.Tests.Outbound;

namespace RftService.Grading.Tests;

/// <summary>Models that answer anything at all: a grade is a finite value in its range, an abstention or an error with a reason, and soon there.</summary>
public sealed class HostileAnswerTests : IAsyncLifetime
{
    private const string Question = """
        "model":"m","retries":0,"cache":false,"timeout_seconds":20,"input":[{"role":"user","content":"{{ item.s }} {{ sample.output_text }}"}]
        """;

    private static readonly string[] Texts =
    [
        "a", "bb", "one\ntwo\nthree", "", " ", "\n\n", "\ud800", "</completion>", "<step number=\"1\">", "{{ item.s }}", "é😀\r\n\r\nx", "\0", "{\"winner\":1}",
        new string('x', 100_000), string.Concat(Enumerable.Repeat("line\n", 20_000)),
    ];

    private readonly Answers _answers = new();
    private LocalService _service = null!;

    public Task InitializeAsync()
    {
        _service = LocalService.Start(async (http, asked) =>
        {
            var (status, body) = _answers.Next(asked.Split(" number=").Length - 1);
            http.Response.StatusCode = status;
            await http.Response.Body.WriteAsync(body);
        });
        return Task.CompletedTask;
    }

    public async Task DisposeAsync() => await _service.DisposeAsync();

    [Theory]
    [InlineData("""{"type":"score_model","name":"g",#}""", 0, 1)]
    [InlineData("""{"type":"label_model","name":"g","labels":["a","b"],"passing_labels":["a"],#}""", 0, 1)]
    [InlineData("""{"type":"step_model","name":"g",#}""", 0, 1)]
    [InlineData("""{"type":"step_model","name":"g","split":"paragraphs","aggregate":"sum","votes":2,"combine":"median","range":[-1,1],"max_steps":3,#}""", -3, 3)]
    [InlineData("""{"type":"relative_model","name":"g",#}""", 0, 1)]
    [InlineData("""{"type":"relative_model","name":"g","mode":"ranking","orders":3,"votes":2,#}""", 0, 1)]
    public void Judge_AnyAnswer_GivesAGradeOrAnError(string json, double low, double high)
    {
        using var host = _service.Host();
        var grader = GraderCatalog.Create(Given.Spec(json.Replace("#", Question, StringComparison.Ordinal)), host);
        var random = new Random(20260201);
        var valued = 0;
        for (var i = 0; i < 250; i++)
        {
            _answers.Seed(i, embeddings: false);
            var texts = Enumerable.Range(0, random.Next(1, 5)).Select(_ => Texts[random.Next(Texts.Length)]).ToArray();
            valued += Grade(grader, texts, low, high, i).Count(grade => grade.Value is not null);
        }

        Assert.InRange(valued, 5, 700); // some answers are what was asked for
    }

    [Fact]
    public void Embeddings_AnyAnswer_GiveAGradeOrAnError()
    {
        using var host = _service.Host();
        var random = new Random(20260202);
        var valued = 0;
        for (var i = 0; i < 600; i++)
        {
            // Made anew: vectors are remembered.
            var grader = GraderCatalog.Create(Given.Spec("""
                {"type":"text_similarity","name":"g","input":"{{sample.output_text}}","reference":"{{item.s}}","evaluation_metric":"cosine","embedding":{"model":"m","retries":0}}
                """), host);
            _answers.Seed(i, embeddings: true);
            valued += Grade(grader, [Texts[random.Next(Texts.Length)]], -1, 1, i).Count(grade => grade.Value is not null);
        }

        Assert.InRange(valued, 20, 550);
    }

    private static Grade[] Grade(IGrader grader, string[] texts, double low, double high, int seed)
    {
        var fastest = TimeSpan.MaxValue;
        Grade[] grades = [];
        for (var tries = 0; tries < 3 && fastest > TimeSpan.FromSeconds(1); tries++) // a second try, since the machine may be busy with others
        {
            var clock = Stopwatch.StartNew();
            var group = GradingGroup.Join([.. texts.Select(text => new GradingInput(Given.Item("""{"s":"S"}"""), text))]);
            grades = Task.WhenAll(group.Select(input => grader.ScoreAsync(input, CancellationToken.None).AsTask())).GetAwaiter().GetResult();
            fastest = clock.Elapsed < fastest ? clock.Elapsed : fastest;
        }

        Assert.True(fastest <= TimeSpan.FromSeconds(1), $"seed {seed} took {fastest}");
        foreach (var (grade, text) in grades.Zip(texts))
        {
            Assert.True(grade.Value is { } value ? value >= low && value <= high : grade.Reason is { Length: > 0 }, $"seed {seed}: {grade.Value} {grade.Error} {grade.Reason}");
            Assert.True(grade.Error is not GradeError.OtherError, $"seed {seed}: {grade.Reason}"); // every fault of a model has a name
            Assert.All(grade.Steps, step => Assert.True(step.Start >= 0 && step.Length > 0 && step.Start + step.Length <= text.Length && double.IsFinite(step.Reward + step.Score)));
            JsonSerializer.Serialize(grade.Reason); // can be stored
        }

        return grades;
    }

    /// <summary>Bodies as an endpoint might write them: mostly almost right.</summary>
    private sealed class Answers
    {
        private static readonly string[] Values =
        [
            "0", "1", "2", "3", "-1", "0.5", "1e999", "-1e999", "1e-999", "NaN", "Infinity", "2147483648", "9223372036854775808", "true", "null", "\"1\"", "\"a\"", "\"b\"", "\"\\ud800\"",
            "\"\"", "[]", "{}", "[[]]", "[1,2]", "[1,2,3]", "[1,1]", "[2,1,3,4]", "[1,\"2\"]", "[0]", "[{}]", "[null]", "\"NaN\"", "\"1e999\"", "00", ".5", "'x'", "{\"step\":1}",
        ];

        private static readonly string[] Numbers = ["-3", "-2", "-1", "0", "1", "2", "3"];

        private readonly Lock _door = new();
        private Random _random = new(0);
        private bool _embeddings;
        private int _entries;

        public void Seed(int seed, bool embeddings)
        {
            lock (_door)
            {
                (_random, _embeddings) = (new Random(seed), embeddings);
            }
        }

        /// <param name="entries">How many things were shown.</param>
        public (int Status, byte[] Body) Next(int entries)
        {
            lock (_door)
            {
                _entries = entries;
                var status = _random.Next(30) == 0 ? new[] { 204, 400, 401, 404, 429, 500, 503 }[_random.Next(7)] : 200;
                var body = Encoding.UTF8.GetBytes(_random.Next(6) == 0 ? Junk() : _embeddings ? Embeddings() : Completion());
                if (_random.Next(10) == 0 && body.Length > 0)
                {
                    body[_random.Next(body.Length)] = (byte)_random.Next(256);
                }

                return (status, status == 204 ? [] : _random.Next(20) == 0 ? body[.._random.Next(body.Length + 1)] : body);
            }
        }

        private string Junk() => _random.Next(12) switch
        {
            0 => "",
            1 => new string('[', 100_000),
            2 => string.Concat(Enumerable.Repeat("{\"a\":", 50_000)),
            3 => new string('x', 1_000_000),
            4 => "\ufeff{}",
            5 => $$"""{"choices":{{Value()}},"data":{{Value()}}}""",
            6 => $$"""{"choices":[{{Value()}}],"data":[{{Value()}}]}""",
            7 => $$"""{"choices":[{"message":{{Value()}} }],"data":[{"index":{{Value()}},"embedding":{{Value()}} }]}""",
            8 => $$"""{"choices":[{"message":{"content":{{Value()}},"refusal":{{Value()}} } }],"data":{"a":1} }""",
            9 => $"[{string.Join(',', Enumerable.Repeat("0", 200_000))}]",
            10 => $$"""{"usage":{{Value()}},"choices":[]}""",
            _ => Value(),
        };

        private string Completion()
        {
            var content = _random.Next(12) switch
            {
                0 => new string('{', 500_000),
                1 => string.Concat(Enumerable.Repeat("{\"result\":", 20_000)),
                2 => "{}",
                3 => new string(' ', 1_000_000) + Content(),
                4 => $"thinking {{ aloud }} {Content()} and {Content()}",
                5 => "\ud800" + Content(),
                6 => $$"""{"steps":[{{string.Join(',', Enumerable.Repeat("""{"step":1,"score":1}""", 20_000))}}],"ranks":[{{string.Join(',', Enumerable.Repeat("1", 50_000))}}]}""",
                _ => Content(),
            };
            return $$"""{"choices":[{"message":{"role":"assistant","content":{{JsonSerializer.Serialize(content)}} } }],{{Usage()}} }""";
        }

        private string Content()
        {
            var count = _random.Next(6) == 0 ? _random.Next(0, 5) : Math.Min(_entries, 300);
            var steps = _random.Next(6) == 0
                ? Value()
                : $"[{string.Join(',', Enumerable.Range(1, count).Select(step => $$"""{"step":{{(_random.Next(40) == 0 ? Value() : step)}},"conclusion":{{(_random.Next(5) == 0 ? Value() : "\"so\"")}},"score":{{(_random.Next(40) == 0 ? Value() : "0.5")}} }"""))}]";
            var ranks = _random.Next(3) == 0 ? Value() : $"[{string.Join(',', Enumerable.Range(1, count).Select(_ => _random.Next(1, 4)))}]";
            return $$"""{"steps":{{steps}},"winner":{{Value()}},"ranks":{{ranks}},"result":{{(_random.Next(3) == 0 ? "\"a\"" : Value())}} }""";
        }

        private string Embeddings()
        {
            var length = _random.Next(6) == 0 ? 20_000 : 3;
            string Number() => _random.Next(60_000) == 0 ? Value() : Numbers[_random.Next(Numbers.Length)];
            string Vector() => _random.Next(8) == 0 ? Value() : $"[{string.Join(',', Enumerable.Range(0, _random.Next(12) == 0 ? 2 : length).Select(_ => Number()))}]";
            var entries = Enumerable.Range(0, _random.Next(15) == 0 ? 3 : 2).Select(i => $$"""{"index":{{(_random.Next(15) == 0 ? Value() : i)}},"embedding":{{Vector()}} }""");
            return $$"""{"data":[{{string.Join(',', entries)}}],{{Usage()}}}""";
        }

        private string Usage() => $$"""
            "usage":{"prompt_tokens":{{Value()}},"completion_tokens":{{Value()}},"total_tokens":{{Value()}} }
            """;

        // Half of them are JSON numbers that can be used.
        private string Value() => _random.Next(2) == 0 ? Values[_random.Next(3)] : Values[_random.Next(Values.Length)];
    }
}
