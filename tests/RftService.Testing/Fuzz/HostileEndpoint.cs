using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace RftService.Testing.Fuzz;

/// <summary>
/// A service on loopback that judges, embeds and grades: half of its answers are good, the others are what no client should trust. The same
/// question gets the same answer. It never asks to be asked again (5xx, 429), which would only take time.
/// </summary>
public sealed class HostileEndpoint : IAsyncDisposable
{
    private const string Good = """
        {"steps":[{"step":1,"description":"d","conclusion":"c","score":0.5},{"step":2,"description":"d","conclusion":"c","score":1}],
         "result":RESULT,"winner":1,"ranks":[1,2,2]}
        """;

    // Contents of a judge's message.
    private static readonly string[] Judgements =
    [
        "", "no JSON", "{", "{}", "[]", "null", """{"result":null}""", """{"result":1e999}""", """{"result":NaN}""", """{"result":"NaN"}""",
        """{"result":[1]}""", """{"result":"\ud800"}""",
        """{"steps":"all"}""", """{"steps":[null,1,{"step":1}]}""", """{"steps":[{"step":1e99,"score":1},{"step":-1,"score":1}]}""",
        """{"steps":[{"step":1,"score":1e999,"conclusion":"\ud800"}]}""",
        """{"result":0.5,"steps":[{"conclusion":"\ud800\u0000"}]}""", """{"winner":1.5}""", """{"winner":99999999999}""", """{"winner":"1"}""",
        """{"ranks":[1e20]}""", """{"ranks":{}}""", """{"ranks":[]}""",
        """{"ranks":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]}""", """{"result":0.5,"result":"a"}""", new string('{', 5_000), new string('[', 5_000),
        "{\"result\":" + new string('9', 5_000) + "}",
        "{\"result\":0.5,\"steps\":[" + string.Join(',', Enumerable.Repeat("""{"conclusion":"c"}""", 2_000)) + "]}", new string('a', 300_000),
        "```json\n{\"result\": 0.25}\n```", "\u0000\ufffe{\"result\":0.25}",
    ];

    // Whole bodies, to whatever was asked.
    private static readonly string[] Bodies =
    [
        "", "no JSON", "null", "[]", "{}", "1", "\"a\"", """{"choices":[]}""", """{"choices":{}}""", """{"choices":[null]}""",
        """{"choices":[{"message":null}]}""", """{"choices":[{"message":{"content":null}}]}""",
        """{"choices":[{"message":{"content":"\ud800"}}]}""", """{"choices":[{"message":{"content":"{\"result\":\"\ud800\"}"}}]}""",
        """{"choices":[{"message":{"content":null,"refusal":"No. \ud800"}}]}""",
        """{"choices":[{"message":"a"}]}""",
        """{"choices":[{"message":{"content":[{"type":"text","text":"{}"}]}}],"usage":{"prompt_tokens":-5,"completion_tokens":1e99}}""",
        """{"choices":[{"message":{"content":"{\"result\":1}"}}],"usage":{"prompt_tokens":9223372036854775807,"completion_tokens":1}}""",
        """{"error":{"message":"\ud800"}}""",
        """{"data":[]}""", """{"data":[null]}""", """{"data":[{"index":-1,"embedding":[1]}]}""", """{"data":[{"index":0,"embedding":[]}]}""",
        """{"data":[{"index":0,"embedding":[0,0]}]}""",
        """{"data":[{"index":0,"embedding":[1e39,1]}]}""", """{"data":[{"index":0,"embedding":["a"]}]}""",
        """{"data":[{"index":99999999999,"embedding":[1]}]}""", """{"data":[{"index":0,"embedding":"AAAA"}]}""",
        """{"data":{"index":0}}""", """{"data":[{"index":0,"embedding":[NaN]}]}""", """{"grades":[]}""", """{"grades":[null]}""",
        """{"grades":[{"index":0},{"index":0}]}""", """{"grades":[{"index":0,"value":1e999}]}""",
        """{"grades":[{"index":0,"value":1,"reason":"\ud800\u0000","parts":{"\ud800":1,"a":1e999},"info":{"\u0000":"\ud800","a":{"b":[1]}}}]}""",
        """{"grades":[{"index":0,"error":"\ud800"}]}""",
        """{"grades":[{"index":0,"value":1,"info":{"a":1e400}}]}""", new string('[', 100_000),
        "{\"grades\":[" + string.Join(',', Enumerable.Repeat("{}", 10_000)) + "]}",
    ];

    private static readonly int[] Refusals = [204, 301, 400, 401, 403, 404, 422];

    private readonly WebApplication _app;

    private HostileEndpoint(WebApplication app) => _app = app;

    /// <summary>Its address, without a slash at the end.</summary>
    public string Url => _app.Urls.Single();

    public static async Task<HostileEndpoint> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var endpoint = new HostileEndpoint(builder.Build());
        endpoint._app.Run(AnswerAsync);
        await endpoint._app.StartAsync();
        return endpoint;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private static async Task AnswerAsync(HttpContext http)
    {
        using var asked = new MemoryStream();
        await http.Request.Body.CopyToAsync(asked);
        var random = new Random(BinaryPrimitives.ReadInt32LittleEndian(SHA256.HashData(asked.ToArray())));
        if (random.Next(10) == 0)
        {
            http.Response.StatusCode = Refusals[random.Next(Refusals.Length)];
            return;
        }

        var body = random.Next(3) == 0 ? Bodies[random.Next(Bodies.Length)] : AnswerTo(JsonNode.Parse(asked.ToArray())!.AsObject(), random);
        await http.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(body));
    }

    private static string AnswerTo(JsonObject asked, Random random)
    {
        if (asked["input"] is JsonArray texts)
        {
            var size = random.Next(8) == 0 ? random.Next(1, 3) : 3; // batches of different lengths
            var vectors = texts.Select((_, index) => new { index, embedding = Enumerable.Range(0, size).Select(_ => random.NextDouble()) });
            return JsonSerializer.Serialize(new { data = vectors, usage = new { prompt_tokens = 5 } });
        }

        if (asked["samples"] is JsonArray samples)
        {
            return JsonSerializer.Serialize(new { grades = samples.Select((_, index) => new { index, value = random.NextDouble() }) });
        }

        var good = Good.Replace("RESULT", random.Next(2) == 0 ? "\"a\"" : "0.5", StringComparison.Ordinal);
        var content = random.Next(3) == 0 ? Judgements[random.Next(Judgements.Length)] : good;
        return JsonSerializer.Serialize(new
        {
            choices = new[] { new { message = new { role = "assistant", content } } },
            usage = new { prompt_tokens = 10, completion_tokens = 5 },
        });
    }
}
