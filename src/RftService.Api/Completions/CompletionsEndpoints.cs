using System.ComponentModel;
using RftService.Api.Http;
using RftService.Api.Models;
using RftService.Data;

namespace RftService.Api.Completions;

internal static class CompletionsEndpoints
{
    private const string About = """
        Answers in OpenAI's form. With `stream` the answer is text/event-stream: chunks as `data: {...}`, then `data: [DONE]`. Hanging up
        ends the work. A worker computes it; while it trains, sampling takes turns with training steps.
        """;

    public static void MapCompletions(this IEndpointRouteBuilder v1)
    {
        Map(v1, "/checkpoints", "Checkpoint", "Checkpoints", CompletionTarget.OfCheckpointAsync, PublicId.Checkpoint);
        Map(v1, "/models", "Model", "Models", CompletionTarget.OfModelAsync, PublicId.Model);
        v1.MapPost("/chat/completions", NamedAsync).WithTags("Models").WithName("CreateChatCompletion")
            .WithSummary("Let the checkpoint or model that the body names answer a conversation")
            .WithDescription(About + """
                 For clients that know OpenAI's chat completions: give `/api/v1` as their base address, and the id of a checkpoint as the model.
                """)
            .Produces<CompletionResponse>().ProducesProblems(400, 409, 422, 503);
    }

    public static void AddCompletions(this IServiceCollection services)
    {
        services.AddOptions<SamplingProxyOptions>().Configure<IConfiguration>((proxy, settings) => proxy.Token = settings["Rft:WorkerToken"] ?? "");
        services.AddHttpClient<SamplingProxy>(client => client.Timeout = TimeSpan.FromMinutes(10)) // to the headers; a stream may take longer
            .ConfigurePrimaryHttpMessageHandler(() => new SocketsHttpHandler
            {
                ConnectTimeout = TimeSpan.FromSeconds(5),
                AllowAutoRedirect = false,
                UseProxy = false, // workers are neighbours, and the token must not leave the house
                UseCookies = false,
            });
    }

    private delegate Task<CompletionTarget?> Find(RftDbContext db, Caller caller, string id, CancellationToken cancellation);

    private static void Map(IEndpointRouteBuilder v1, string path, string name, string tag, Find find, PublicId kind)
    {
        var group = v1.MapGroup(path + "/{id}").WithTags(tag).ProducesProblems(400, 404, 409, 422, 503);
        group.MapPost("/completions", (
                [Description("The id")] string id, CompletionRequest body, Caller caller, RftDbContext db, SamplingProxy proxy, TimeProvider clock,
                CancellationToken cancellation) => AnswerAsync(id, body, () => find(db, caller, id, cancellation), kind, proxy, clock, cancellation))
            .WithName($"Create{name}Completion").WithSummary($"Let a {name.ToLowerInvariant()} go on with a text").WithDescription(About).Produces<CompletionResponse>();
        group.MapPost("/chat/completions", (
                [Description("The id")] string id, ChatCompletionRequest body, Caller caller, RftDbContext db, SamplingProxy proxy, TimeProvider clock,
                CancellationToken cancellation) => AnswerAsync(id, body, () => find(db, caller, id, cancellation), kind, proxy, clock, cancellation))
            .WithName($"Create{name}ChatCompletion").WithSummary($"Let a {name.ToLowerInvariant()} answer a conversation").WithDescription(About).Produces<CompletionResponse>();
    }

    private static async Task<IResult> NamedAsync(
        ModelChatCompletionRequest body, Caller caller, RftDbContext db, SamplingProxy proxy, TimeProvider clock, CancellationToken cancellation) =>
        await CompletionTarget.OfNameAsync(db, caller, body.Model, cancellation) is { } target
            ? await AnswerAsync(target, body, proxy, clock, cancellation)
            : Problems.Unprocessable("unknown_model", new ProblemError("/model", "unknown_model",
                $"no checkpoint and no model '{body.Model}' in this project: give a ck_ or md_ id, or the name of a model (GET /api/v1/models)"));

    private static async Task<IResult> AnswerAsync(
        string id, SamplingBody body, Func<Task<CompletionTarget?>> find, PublicId kind, SamplingProxy proxy, TimeProvider clock, CancellationToken cancellation) =>
        await find() is { } target ? await AnswerAsync(target, body, proxy, clock, cancellation) : kind.NotFound(id);

    private static async Task<IResult> AnswerAsync(
        CompletionTarget target, SamplingBody body, SamplingProxy proxy, TimeProvider clock, CancellationToken cancellation)
    {
        if (ModelReadiness.Refusal(target.Model) is { } notReady)
        {
            return notReady;
        }

        var isChat = body is ChatBody;
        if (isChat && !target.Model.HasChatTemplate)
        {
            return Problems.Unprocessable("no_chat_template", new ProblemError("/messages", "no_chat_template",
                $"the model {target.Model.Name} has no chat template: send a prompt to ../completions instead"));
        }

        var (limit, member) = body.Limit;
        if (limit >= target.Model.ContextLength)
        {
            return Problems.Unprocessable("max_tokens_too_large", new ProblemError($"/{member}", "out_of_range",
                $"expected less than the model's context of {target.Model.ContextLength} tokens, got {limit}"));
        }

        var seed = body.Seed ?? Random.Shared.Next();
        var writer = new CompletionWriter(target.Id, seed, isChat, body.N, clock.GetUtcNow());
        try
        {
            return body.Stream
                ? await BeginStreamAsync(proxy.SampleAsync(target.Ask(body, seed), cancellation).GetAsyncEnumerator(cancellation), writer)
                : await WholeAsync(proxy.SampleAsync(target.Ask(body, seed), cancellation), writer);
        }
        catch (SamplingRefused refused)
        {
            return refused.ToProblem();
        }
    }

    private static async Task<IResult> WholeAsync(IAsyncEnumerable<Data.Workers.SamplingChunk> pieces, CompletionWriter writer)
    {
        await foreach (var piece in pieces)
        {
            writer.Add(piece);
        }

        return TypedResults.Ok(writer.Whole());
    }

    private static async Task<IResult> BeginStreamAsync(IAsyncEnumerator<Data.Workers.SamplingChunk> pieces, CompletionWriter writer)
    {
        var begun = false;
        try
        {
            begun = await pieces.MoveNextAsync();
            return new CompletionStream(pieces, writer);
        }
        finally
        {
            if (!begun)
            {
                await pieces.DisposeAsync();
            }
        }
    }
}
