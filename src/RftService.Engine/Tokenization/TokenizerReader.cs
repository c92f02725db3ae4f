using RftService.Engine.Models;

namespace RftService.Engine.Tokenization;

/// <summary>Everything a tokenizer is made of.</summary>
internal sealed record TokenizerParts
{
    public required ITokenModel Model { get; init; }

    public required IReadOnlyList<AddedToken> Added { get; init; }

    public required Func<string, string> Normalize { get; init; }

    public required PreTokenizer.Cut PreTokenize { get; init; }

    public required PostProcessor PostProcessor { get; init; }

    public required Decoding Decoding { get; init; }

    public required IReadOnlySet<int> EndOfTextIds { get; init; }

    public int? EndOfTextId { get; init; }

    public int? BeginOfTextId { get; init; }

    public ChatTemplate? ChatTemplate { get; init; }
}

/// <summary>Reads the tokenizer of a model folder.</summary>
internal static class TokenizerReader
{
    private const string TokenizerFile = "tokenizer.json";

    public static Tokenizer Read(string folder)
    {
        var root = JsonPlace.TryRead(folder, TokenizerFile) ?? throw new ModelFolderException(
            TokenizerFile, "", $"expected {TokenizerFile} in the model's folder, got none", "Export the model with its fast tokenizer (tokenizer.json).");
        // `truncation` and `padding` are left unread on purpose: they describe how batches were made elsewhere, and rows are never cut silently here.
        root.Only("version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer", "post_processor", "decoder", "model");
        var config = JsonPlace.TryRead(folder, "tokenizer_config.json");
        var specials = JsonPlace.TryRead(folder, "special_tokens_map.json");
        var generation = JsonPlace.TryRead(folder, "generation_config.json");
        var model = JsonPlace.TryRead(folder, "config.json");

        var tokenModel = TokenModel.Read(root["model"]);
        var added = Added(root, config, tokenModel);
        var ids = new Dictionary<string, int>(tokenModel.Vocabulary, StringComparer.Ordinal);
        foreach (var token in added)
        {
            ids[token.Content] = token.Id;
        }

        var ends = new HashSet<int>();
        ends.UnionWith(Ids(generation?.Optional("eos_token_id")));
        ends.UnionWith(Ids(model?.Optional("eos_token_id")));
        ends.UnionWith(Named(config?.Optional("eos_token"), ids));
        ends.UnionWith(Named(specials?.Optional("eos_token"), ids));

        var begin = config?.Optional("bos_token") ?? specials?.Optional("bos_token");
        var end = config?.Optional("eos_token") ?? specials?.Optional("eos_token");
        return new Tokenizer(new TokenizerParts
        {
            Model = tokenModel,
            Added = added,
            Normalize = Normalizer.Read(root.Optional("normalizer")),
            PreTokenize = PreTokenizer.Read(root.Optional("pre_tokenizer")),
            PostProcessor = PostProcessor.Read(root.Optional("post_processor")),
            Decoding = Decoding.Read(root.Optional("decoder")),
            EndOfTextIds = ends,
            EndOfTextId = Named(end, ids).Concat(ends.Order()).Cast<int?>().FirstOrDefault(),
            BeginOfTextId = Named(begin, ids)
                .Concat(Ids(generation?.Optional("bos_token_id")))
                .Concat(Ids(model?.Optional("bos_token_id")))
                .Cast<int?>()
                .FirstOrDefault(),
            ChatTemplate = ChatTemplateReader.Read(folder, config, Content(begin), Content(end)),
        });
    }

    private static List<AddedToken> Added(JsonPlace root, JsonPlace? config, ITokenModel model)
    {
        var added = new Dictionary<int, AddedToken>();
        var contents = model.Vocabulary.ToDictionary(pair => pair.Value, pair => pair.Key);
        foreach (var place in root.Optional("added_tokens")?.Items() ?? [])
        {
            Add(place, AddedToken.Read(place, place["id"].Int()));
        }

        // Tokens that only tokenizer_config.json knows are added too, as transformers does.
        foreach (var (name, place) in config?.Optional("added_tokens_decoder")?.Fields() ?? [])
        {
            if (!int.TryParse(name, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var id))
            {
                throw place.Fault($"expected a token id as the field's name, got `{name}`");
            }

            if (!added.ContainsKey(id))
            {
                Add(place, AddedToken.Read(place, id));
            }
        }

        return [.. added.Values];

        void Add(JsonPlace place, AddedToken token)
        {
            if (token.Content.Length == 0)
            {
                throw place.Fault("expected a token of at least one character, got none");
            }

            if (token.Id > TokenModel.MaxId)
            {
                throw place.Fault($"expected a token id of at most {TokenModel.MaxId}, got {token.Id}");
            }

            if ((contents.TryGetValue(token.Id, out var other) && other != token.Content)
                || (model.Vocabulary.TryGetValue(token.Content, out var otherId) && otherId != token.Id))
            {
                throw place.Fault($"the id {token.Id} of `{token.Content}` contradicts the model's vocabulary");
            }

            added[token.Id] = token;
        }
    }

    private static IEnumerable<int> Ids(JsonPlace? place) => place is not { } given
        ? []
        : given.Value.ValueKind == System.Text.Json.JsonValueKind.Array ? given.Items().Select(item => item.Int()) : [given.Int()];

    private static IEnumerable<int> Named(JsonPlace? place, Dictionary<string, int> ids) => Content(place) is not { } content
        ? []
        : ids.TryGetValue(content, out var id) ? [id] : throw place!.Value.Fault($"the token `{content}` is not in {TokenizerFile}");

    // A plain string, or an object with the token's flags.
    private static string? Content(JsonPlace? place) => place is not { } given
        ? null
        : given.Value.ValueKind == System.Text.Json.JsonValueKind.Object ? given["content"].Text() : given.Text();
}
