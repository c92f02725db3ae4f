namespace RftService.Engine.Tokenization;

/// <summary>The `post_processor` of tokenizer.json: the special tokens around a single text.</summary>
/// <param name="Before">Ids put in front.</param>
/// <param name="After">Ids put behind.</param>
internal sealed record PostProcessor(IReadOnlyList<int> Before, IReadOnlyList<int> After)
{
    private static readonly PostProcessor Nothing = new([], []);

    public static PostProcessor Read(JsonPlace? place)
    {
        if (place is not { } given)
        {
            return Nothing;
        }

        switch (given["type"].Text())
        {
            case "ByteLevel":
                given.Only("type", "add_prefix_space", "trim_offsets", "use_regex"); // it moves offsets only
                return Nothing;
            case "Sequence":
                given.Only("type", "processors");
                return given["processors"].Items().Select(step => Read(step))
                    .Aggregate(Nothing, (inner, outer) => new PostProcessor([.. outer.Before, .. inner.Before], [.. inner.After, .. outer.After]));
            case "TemplateProcessing":
                given.Only("type", "single", "pair", "special_tokens");
                return Template(given["single"], given["special_tokens"]);
            case var type:
                throw given["type"].Fault($"the post-processor `{type}` is not supported");
        }
    }

    private static PostProcessor Template(JsonPlace single, JsonPlace specials)
    {
        var (before, after) = (new List<int>(), new List<int>());
        var seen = false;
        foreach (var item in single.Items())
        {
            item.Only("SpecialToken", "Sequence");
            if (item.Optional("SpecialToken") is { } special)
            {
                (seen ? after : before).AddRange(specials[special["id"].Text()]["ids"].Items().Select(id => id.Int()));
            }
            else if (item["Sequence"]["id"] is var id && (id.Text() != "A" || seen))
            {
                throw id.Fault("expected the sequence `A`, once");
            }
            else
            {
                seen = true;
            }
        }

        return seen ? new PostProcessor(before, after) : throw single.Fault("expected the sequence `A`, got none");
    }
}
