using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.EntityFrameworkCore;
using RftService.Api.Tests.Checkpoints;
using RftService.Api.Tests.Hosting;

namespace RftService.Api.Tests.Completions;

public sealed class RftApiWithToken : IAsyncLifetime
{
    public RftApi Api { get; } = new RftApi().With("Rft:WorkerToken", FakeWorker.Token);

    public Task InitializeAsync() => Api.InitializeAsync();

    public Task DisposeAsync() => ((IAsyncLifetime)Api).DisposeAsync();
}

public sealed class CompletionsEndpointsTests(RftApiWithToken fixture) : IClassFixture<RftApiWithToken>, IAsyncLifetime
{
    private static readonly string[] _twoSamples =
    [
        """{"index":0,"text":"On"}""",
        """{"index":1,"text":"Tw"}""",
        """{"index":0,"text":"ce"}""",
        """{"index":1,"text":"","finish_reason":"length","prompt_tokens":5,"completion_tokens":1,"cached_tokens":3}""",
        """{"index":0,"text":"","finish_reason":"stop","prompt_tokens":5,"completion_tokens":3,"cached_tokens":3}""",
    ];

    private readonly RftApi api = fixture.Api;

    public async Task InitializeAsync()
    {
        await using var db = api.Database.Open();
        await db.Workers.ExecuteDeleteAsync();
    }

    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task Completion_OfACheckpoint_ForwardsTheRequestAndJoinsThePieces()
    {
        await using var worker = await FakeWorker.SayingAsync(_twoSamples);
        await worker.RegisterAsync(api.Database);
        var (run, id) = await api.AddCheckpointAsync(new Dictionary<string, byte[]>(), isAdapter: true);
        await using var db = api.Database.Open();
        var sha256 = await db.Runs.Where(one => one.Id == run).Join(db.Models, one => one.ModelId, model => model.Id, (_, model) => model.Sha256).SingleAsync();

        var answer = await api.Client.PostTextAsync($"/api/v1/checkpoints/ck_{id:N}/completions",
            """{"prompt":"It was","max_tokens":9,"temperature":0.5,"top_p":0.9,"top_k":3,"stop":["\n"],"n":2,"seed":7,"min_p":0.1,"repetition_penalty":1.2,"presence_penalty":-0.5,"frequency_penalty":0.3,"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"null"},"strict":true}}}""").JsonAsync(200);

        Assert.Equal(
            $$"""{"model_folder":"tiny","checkpoint_folder":"runs/{{run:N}}/attempt-1/step-00000001","is_adapter":true,"prompt":"It was","max_tokens":9,"temperature":0.5,"top_p":0.9,"top_k":3,"stop":["\n"],"samples":2,"seed":7,"min_p":0.1,"repetition_penalty":1.2,"presence_penalty":-0.5,"frequency_penalty":0.3,"json_object":false,"json_schema":{"type":"null"},"model_sha256":"{{sha256}}","project":"{{api.ProjectId}}"}""",
            worker.Asked.GetRawText());
        Assert.Equal(("text_completion", $"ck_{id:N}", 7), (answer.Text("object"), answer.Text("model"), answer.GetProperty("seed").GetInt32()));
        Assert.Equal([("Once", "stop"), ("Tw", "length")], answer.GetProperty("choices").EnumerateArray().Select(choice => (choice.Text("text"), choice.Text("finish_reason"))));
        Assert.Equal("""{"prompt_tokens":5,"completion_tokens":4,"total_tokens":9,"prompt_tokens_details":{"cached_tokens":3}}""", answer.GetProperty("usage").GetRawText());
    }

    [Fact]
    public async Task Chat_OfAModel_AnswersAsAssistant()
    {
        await using var worker = await FakeWorker.SayingAsync("""{"index":0,"text":"5","finish_reason":"stop","prompt_tokens":8,"completion_tokens":2}""");
        await worker.RegisterAsync(api.Database);
        var id = await api.Database.AddModelAsync(api.ProjectId, chat: true);

        var answer = await api.Client.PostTextAsync($"/api/v1/models/md_{id:N}/chat/completions", Chat).JsonAsync(200);

        Assert.Equal("""{"role":"assistant","content":"5"}""", answer.GetProperty("choices")[0].GetProperty("message").GetRawText());
        Assert.Equal("chat.completion", answer.Text("object"));
        Assert.False(worker.Asked.TryGetProperty("checkpoint_folder", out _));
        Assert.Equal("2+3?", Assert.Single(worker.Asked.GetProperty("messages").EnumerateArray()).Text("content"));
    }

    [Fact]
    public async Task Chat_WithToolsAndTheirAnswers_GoesToTheWorkerAsItWasSaid()
    {
        await using var worker = await FakeWorker.SayingAsync("""{"index":0,"text":"5","finish_reason":"stop","prompt_tokens":8,"completion_tokens":2}""");
        await worker.RegisterAsync(api.Database);
        var id = await api.Database.AddModelAsync(api.ProjectId, chat: true);
        const string Tools = """[{"type":"function","function":{"name":"sum","parameters":{"type":"object"}}}]""";

        await api.Client.PostTextAsync($"/api/v1/models/md_{id:N}/chat/completions", $$$"""
            {"messages":[{"role":"user","name":"Ann","content":[{"type":"text","text":"2+"},{"type":"text","text":"3?"}]},
              {"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"sum","arguments":"{\"of\":[2,3]}"}}]},
              {"role":"tool","tool_call_id":"c1","content":"5"}],"tools":{{{Tools}}}}
            """).JsonAsync(200);

        Assert.Equal(Tools, worker.Asked.GetProperty("tools").GetRawText());
        Assert.Equal(
            """[{"role":"user","content":"2\u002B3?","name":"Ann"},{"role":"assistant","tool_calls":[{"id":"c1","type":"function","function":{"name":"sum","arguments":"{\u0022of\u0022:[2,3]}"}}]},{"role":"tool","content":"5","tool_call_id":"c1"}]""",
            worker.Asked.GetProperty("messages").GetRawText());
    }

    [Fact]
    public async Task Stream_IsServerSentEventsEndedByDone()
    {
        await using var worker = await FakeWorker.SayingAsync(_twoSamples);
        await worker.RegisterAsync(api.Database);
        var id = await api.Database.AddModelAsync(api.ProjectId, chat: true);

        using var response = await api.Client.PostTextAsync($"/api/v1/models/md_{id:N}/chat/completions",
            """{"messages":[{"role":"user","content":"2+3?"}],"max_tokens":9,"n":2,"stream":true}""");

        Assert.Equal("text/event-stream", response.Content.Headers.ContentType?.MediaType);
        var events = (await response.Content.ReadAsStringAsync()).Split("\n\n", StringSplitOptions.RemoveEmptyEntries);
        Assert.All(events, one => Assert.StartsWith("data: ", one, StringComparison.Ordinal));
        Assert.Equal("data: [DONE]", events[^1]);
        var chunks = events[..^1].Select(one => JsonSerializer.Deserialize<JsonElement>(one[6..])).ToList();
        Assert.Equal("""[{"index":0,"delta":{"role":"assistant","content":"On"},"finish_reason":null}]""", chunks[0].GetProperty("choices").GetRawText());
        Assert.Equal("""[{"index":0,"delta":{"content":"ce"},"finish_reason":null}]""", chunks[2].GetProperty("choices").GetRawText());
        Assert.Equal([false, false, false, false, true], chunks.Select(chunk => chunk.TryGetProperty("usage", out _)));
        Assert.Single(chunks.Select(chunk => chunk.Text("id")).Distinct());
    }

    [Fact]
    public async Task Stream_ClientHangsUp_TheWorkerIsToldSo()
    {
        await using var worker = await FakeWorker.StartAsync(async (response, cancellation) =>
        {
            await response.WriteAsync("{\"index\":0,\"text\":\"a\"}\n", cancellation);
            await response.Body.FlushAsync(cancellation);
            await Task.Delay(Timeout.Infinite, cancellation);
        });
        await worker.RegisterAsync(api.Database);
        var id = await api.Database.AddModelAsync(api.ProjectId);

        using var request = new HttpRequestMessage(HttpMethod.Post, $"/api/v1/models/md_{id:N}/completions")
        {
            Content = new StringContent("""{"prompt":"a","max_tokens":9,"stream":true}""", System.Text.Encoding.UTF8, "application/json"),
        };
        var response = await api.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        response.Dispose();

        await worker.Abandoned.Task.WaitAsync(TimeSpan.FromSeconds(20));
    }

    [Fact]
    public async Task Stream_WorkerDiesInTheMiddle_EndsWithAnErrorEvent()
    {
        await using var worker = await FakeWorker.SayingAsync("""{"index":0,"text":"a"}""");
        await worker.RegisterAsync(api.Database);
        var id = await api.Database.AddModelAsync(api.ProjectId);

        using var response = await api.Client.PostTextAsync($"/api/v1/models/md_{id:N}/completions", """{"prompt":"a","max_tokens":9,"stream":true}""");

        var text = await response.Content.ReadAsStringAsync();
        Assert.Contains("data: {\"error\":{\"code\":\"worker_failed\"", text, StringComparison.Ordinal);
        Assert.DoesNotContain("[DONE]", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"index":0,"text":"","error_code":"prompt_too_long","error_message":"Shorten it."}""", 422, "prompt_too_long")]
    [InlineData("""{"index":0,"text":"","error_code":"busy","error_message":"Later."}""", 503, "worker_busy")]
    [InlineData("""{"index":0,"text":"","error_code":"internal_error","error_message":"Its log says why."}""", 503, "worker_failed")]
    [InlineData("no json", 503, "worker_failed")]
    [InlineData("", 503, "worker_failed")]
    [InlineData("""{"index":7,"text":"x","finish_reason":"stop"}""", 503, "worker_failed")]
    public async Task Worker_Refuses_IsAProblem(string line, int status, string code)
    {
        await using var worker = await FakeWorker.SayingAsync(line);
        await worker.RegisterAsync(api.Database);
        var id = await api.Database.AddModelAsync(api.ProjectId);

        foreach (var stream in new[] { "false", "true" })
        {
            await api.Client.PostTextAsync($"/api/v1/models/md_{id:N}/completions", $$"""{"prompt":"a","max_tokens":9,"stream":{{stream}}}""").ProblemAsync(status, code);
        }
    }

    [Fact]
    public async Task ProjectHasTooManyWaiting_IsToldWhenToComeBack()
    {
        await using var worker = await FakeWorker.StartAsync((response, _) =>
        {
            response.StatusCode = 429;
            return Task.CompletedTask;
        });
        await worker.RegisterAsync(api.Database);
        var id = await api.Database.AddModelAsync(api.ProjectId);

        using var response = await api.Client.PostTextAsync($"/api/v1/models/md_{id:N}/completions", """{"prompt":"a","max_tokens":9}""");

        Assert.Equal("5", response.Headers.RetryAfter?.ToString());
        await Task.FromResult(response).ProblemAsync(429, "too_many_waiting");
    }

    [Fact]
    public async Task NoWorker_IsToldWithTheRemedy()
    {
        await FakeWorker.RegisterAsync(api.Database, "http://127.0.0.1:1", DateTimeOffset.UtcNow.AddMinutes(-5));
        var id = await api.Database.AddModelAsync(api.ProjectId);

        var problem = await api.Client.PostTextAsync($"/api/v1/models/md_{id:N}/completions", """{"prompt":"a","max_tokens":9}""").ProblemAsync(503, "no_worker");

        Assert.Contains("start one", problem.Text("detail"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task MaxTokensAbsent_AsksForTheUsualNumberWhateverTheContext()
    {
        await using var worker = await FakeWorker.SayingAsync("""{"index":0,"text":"b","finish_reason":"length","prompt_tokens":1,"completion_tokens":1}""");
        await worker.RegisterAsync(api.Database);
        var id = await api.Database.AddModelAsync(api.ProjectId);

        await api.Client.PostTextAsync($"/api/v1/models/md_{id:N}/completions", """{"prompt":"a"}""").JsonAsync(200);

        Assert.Equal(256, worker.Asked.GetProperty("max_tokens").GetInt32());
    }

    [Fact]
    public async Task UnreachableWorker_TheNextOneIsAsked()
    {
        await using var worker = await FakeWorker.SayingAsync("""{"index":0,"text":"b","finish_reason":"stop","prompt_tokens":1,"completion_tokens":1}""");
        await FakeWorker.RegisterAsync(api.Database, worker.Address, DateTimeOffset.UtcNow.AddSeconds(-5));
        await FakeWorker.RegisterAsync(api.Database, "http://127.0.0.1:1", DateTimeOffset.UtcNow);
        var id = await api.Database.AddModelAsync(api.ProjectId);

        await api.Client.PostTextAsync($"/api/v1/models/md_{id:N}/completions", """{"prompt":"a","max_tokens":9}""").JsonAsync(200);
    }

    [Theory]
    [InlineData("""{"max_tokens":9}""", " missing_field")]
    [InlineData("""{"prompt":""}""", "/prompt invalid_length")]
    [InlineData("""{"prompt":"a","max_tokens":0}""", "/max_tokens out_of_range")]
    [InlineData("""{"prompt":"a","temperature":-1}""", "/temperature out_of_range")]
    [InlineData("""{"prompt":"a","top_p":0}""", "/top_p out_of_range")]
    [InlineData("""{"prompt":"a","min_p":1.1}""", "/min_p out_of_range")]
    [InlineData("""{"prompt":"a","repetition_penalty":0}""", "/repetition_penalty out_of_range")]
    [InlineData("""{"prompt":"a","presence_penalty":3}""", "/presence_penalty out_of_range")]
    [InlineData("""{"prompt":"a","frequency_penalty":-3}""", "/frequency_penalty out_of_range")]
    [InlineData("""{"prompt":"a","n":17}""", "/n out_of_range")]
    [InlineData("""{"prompt":"a","seed":-1}""", "/seed out_of_range")]
    [InlineData("""{"prompt":"a","stop":[""]}""", "/stop invalid_value")]
    [InlineData("""{"prompt":"a","stop":["1","2","3","4","5","6","7","8","9"]}""", "/stop invalid_length")]
    [InlineData("""{"prompt":"a","max_tokns":9}""", "/max_tokns unknown_field")]
    public async Task BadCompletion_NamesTheField(string body, string place)
    {
        var id = await api.Database.AddModelAsync(api.ProjectId);

        Assert.Equal([place], (await api.Client.PostTextAsync($"/api/v1/models/md_{id:N}/completions", body).ProblemAsync(400, "invalid_request")).Places());
    }

    [Theory]
    [InlineData("""{"messages":[]}""", "/messages invalid_length")]
    [InlineData("""{"messages":[null]}""", "/messages/0 null_value")]
    [InlineData("""{"messages":[{"role":"user","content":"a"}],"response_format":{"type":"json_schema"}}""", "/response_format/json_schema invalid_value")]
    [InlineData("""{"messages":[{"role":"user","content":"a"}],"response_format":{"type":"xml"}}""", "/response_format/type wrong_type")]
    [InlineData("""{"messages":[{"role":"user","content":"a"}],"response_format":{"type":"json_schema","json_schema":{"name":"a","schema":{"type":"array","items":{"oneOf":[]}}}}}""",
        "/response_format/json_schema/schema/items/oneOf invalid_value")]
    [InlineData("""{"messages":[{"role":"bot","content":"a"}]}""", "/messages/0/role invalid_format")]
    [InlineData("""{"messages":[{"role":"user"}]}""", "/messages/0/content invalid_value")]
    [InlineData("""{"messages":[{"role":"user","content":[{"type":"image_url","text":"a"}]}]}""", "/messages/0/content/0/type invalid_value")]
    [InlineData("""{"messages":[{"role":"user","content":"a","tool_call_id":"c"}]}""", "/messages/0/tool_call_id invalid_value")]
    [InlineData("""{"messages":[{"role":"assistant","tool_calls":[{"type":"function","function":{"name":"f","arguments":"x"}}]},{"role":"user","content":"a"}]}""", "/messages/0/tool_calls/0/function/arguments invalid_value")]
    [InlineData("""{"messages":[{"role":"user","content":"a","refusal":null}]}""", "/messages/0/refusal unknown_field")]
    [InlineData("""{"messages":[{"role":"user","content":"a"}],"tools":[{"type":"function","function":{"name":"f","code":1}}]}""", "/tools/0/function/code unknown_field")]
    [InlineData("""{"messages":[{"role":"assistant","content":"a"}]}""", "/messages invalid_value")]
    [InlineData("""{"messages":[{"role":"user","content":null}]}""", "/messages/0/content invalid_value")]
    [InlineData("""{"messages":[{"role":"user","content":[]}]}""", "/messages/0/content invalid_value")]
    [InlineData("""{"messages":[{"role":"user","content":["a"]}]}""", "/messages/0/content/0 wrong_type")]
    [InlineData("""{"messages":[{"role":"user","content":[{"type":"text"}]}]}""", "/messages/0/content/0 missing_field")]
    [InlineData("""{"messages":[{"role":"user","content":[{"text":"a"}]}]}""", "/messages/0/content/0 missing_field")]
    [InlineData("""{"messages":[{"role":"user","content":[{"type":"text","text":"a","text":"b"}]}]}""", "/messages/0/content/0/text duplicate_field")]
    [InlineData("""{"messages":[{"role":"user","content":[{"type":"text","text":"a","extra":1}]}]}""", "/messages/0/content/0/extra unknown_field")]
    [InlineData("""{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://example.com/a.png"}}]}]}""", "/messages/0/content/0/image_url unknown_field")]
    [InlineData("""{"messages":[{"role":"user","content":[{"type":"text","text":"\ud800"}]}]}""", "/messages/0/content/0/text invalid_value")]
    [InlineData("""{"model":"chatty","messages":[{"role":"user","content":"a"}]}""", "/model unknown_field")]
    public async Task BadChat_NamesTheField(string body, string place)
    {
        var id = await api.Database.AddModelAsync(api.ProjectId, chat: true);

        Assert.Equal([place], (await api.Client.PostTextAsync($"/api/v1/models/md_{id:N}/chat/completions", body).ProblemAsync(400, "invalid_request")).Places());
    }

    [Fact]
    public async Task WhatTheModelCannotDo_IsUnprocessable()
    {
        var id = await api.Database.AddModelAsync(api.ProjectId);

        await api.Client.PostTextAsync($"/api/v1/models/md_{id:N}/chat/completions", Chat).ProblemAsync(422, "no_chat_template");
        await api.Client.PostTextAsync($"/api/v1/models/md_{id:N}/completions", """{"prompt":"a","max_tokens":64}""").ProblemAsync(422, "max_tokens_too_large");
    }

    [Fact]
    public async Task Foreign_IsNotFound()
    {
        var model = await api.Database.AddModelAsync(api.ProjectId);
        var (_, checkpoint) = await api.AddCheckpointAsync(new Dictionary<string, byte[]>());

        foreach (var path in new[] { $"models/md_{model:N}", $"checkpoints/ck_{checkpoint:N}" })
        {
            await api.Stranger.PostTextAsync($"/api/v1/{path}/completions", """{"prompt":"a"}""").ProblemAsync(404, "not_found");
            await api.ClientWith(null).PostTextAsync($"/api/v1/{path}/completions", """{"prompt":"a"}""").ProblemAsync(401, "unauthorized");
        }
    }

    [Fact]
    public async Task NamedChat_AsAJudgeSendsIt_ReachesTheWorkerWhole()
    {
        await using var worker = await FakeWorker.SayingAsync("""{"index":0,"text":"{}","finish_reason":"stop","prompt_tokens":8,"completion_tokens":2}""");
        await worker.RegisterAsync(api.Database);
        var model = await api.Database.AddModelAsync(api.ProjectId, chat: true);
        const string schema = """{"type":"object","properties":{"result":{"type":"number"}},"required":["result"],"additionalProperties":false}""";

        var answer = await NamedAsync(api.Client, $$"""
            {"model":"md_{{model:N}}","messages":[{"role":"developer","content":[{"type":"text","text":"Ju"},{"type":"text","text":"dge."}]},{"role":"user","content":"2+3?"}],
             "temperature":0.2,"top_p":0.9,"max_completion_tokens":7,"seed":3,
             "response_format":{"type":"json_schema","json_schema":{"name":"grade","strict":true,"schema":{{schema}} } } }
            """).JsonAsync(200);

        Assert.Equal($"md_{model:N}", answer.Text("model"));
        Assert.Equal(["developer: Judge.", "user: 2+3?"], worker.Asked.GetProperty("messages").EnumerateArray().Select(turn => $"{turn.Text("role")}: {turn.Text("content")}"));
        Assert.Equal((7, 0.2, 3), (worker.Asked.GetProperty("max_tokens").GetInt32(), worker.Asked.GetProperty("temperature").GetDouble(), worker.Asked.GetProperty("seed").GetInt32()));
        Assert.Equal(schema, worker.Asked.GetProperty("json_schema").GetRawText());
    }

    [Fact]
    public async Task NamedChat_CheckpointModelOrName_AreAsked()
    {
        await using var worker = await FakeWorker.SayingAsync("""{"index":0,"text":"5","finish_reason":"stop","prompt_tokens":8,"completion_tokens":2}""");
        await worker.RegisterAsync(api.Database);
        var (run, checkpoint) = await api.AddCheckpointAsync(new Dictionary<string, byte[]>(), isAdapter: true);
        await using var db = api.Database.Open();
        await db.Models.ExecuteUpdateAsync(set => set.SetProperty(model => model.HasChatTemplate, true));
        var model = await db.Runs.Where(one => one.Id == run).Join(db.Models, one => one.ModelId, model => model.Id, (_, model) => model).SingleAsync();

        foreach (var (name, isCheckpoint) in new[] { ($"ck_{checkpoint:N}", true), ($"md_{model.Id:N}", false), (model.Name, false) })
        {
            Assert.Equal(name, (await NamedAsync(api.Client, Named(name)).JsonAsync(200)).Text("model"));
            Assert.Equal(isCheckpoint, worker.Asked.TryGetProperty("checkpoint_folder", out _));
            Assert.Equal(["/model unknown_model"], (await NamedAsync(api.Stranger, Named(name)).ProblemAsync(422, "unknown_model")).Places());
        }

        await NamedAsync(api.ClientWith(null), Named(model.Name)).ProblemAsync(401, "unauthorized");
    }

    [Theory]
    [InlineData("\"max_tokens\":1,\"max_completion_tokens\":1", "/max_completion_tokens invalid_value")]
    [InlineData("\"max_completion_tokens\":0", "/max_completion_tokens out_of_range")]
    [InlineData("\"reasoning_effort\":\"low\"", "/reasoning_effort unknown_field")]
    public async Task BadNamedChat_NamesTheField(string member, string place) =>
        Assert.Equal([place], (await NamedAsync(api.Client, Named("any")[..^1] + "," + member + "}").ProblemAsync(400, "invalid_request")).Places());

    private static string Named(string model) => $$"""{"model":"{{model}}","messages":[{"role":"user","content":"2+3?"}]}""";

    private static Task<HttpResponseMessage> NamedAsync(HttpClient client, string body) => client.PostTextAsync("/api/v1/chat/completions", body);

    private const string Chat = """{"messages":[{"role":"user","content":"2+3?"}],"max_tokens":9}""";
}
