using RftService.Engine.Data;
using RftService.Engine.Tokenization;

namespace RftService.Engine.Training;

/// <summary>A prompt as text and tokens.</summary>
internal sealed record EncodedPrompt(string Text, int[] Tokens);

/// <summary>Tokens of rows, refused by row number where they do not fit the model.</summary>
internal sealed class PromptEncoder(Tokenizer tokenizer, int contextLength)
{
    /// <summary>The prompt of a row; at least one token, and room for one more in the context.</summary>
    /// <exception cref="TrainingException">It does not fit.</exception>
    public EncodedPrompt Prompt(Row row)
    {
        var (text, tokens) = Encode(row);
        return tokens.Length is 0
            ? throw Unusable(row, "the prompt has no tokens", "Give every row a prompt.")
            : tokens.Length >= contextLength
                ? throw Unusable(row, $"the prompt has {tokens.Length} tokens, the model's context {contextLength}", "Shorten or remove the row.")
                : new EncodedPrompt(text, tokens);
    }

    /// <summary>The written completion of a row, with the end of text.</summary>
    /// <exception cref="TrainingException">The row has none, or it does not fit.</exception>
    public int[] Completion(Row row, EncodedPrompt prompt)
    {
        var text = row.Completion ?? throw Unusable(row, "it has no completion", "Give every row a completion.");
        int[] tokens = [.. Continue(row, prompt, text), .. tokenizer.EndOfTextId is { } end ? [end] : Array.Empty<int>()];
        return prompt.Tokens.Length + tokens.Length > contextLength
            ? throw Unusable(
                row, $"prompt and completion have {prompt.Tokens.Length + tokens.Length} tokens, the model's context {contextLength}", "Shorten or remove the row.")
            : tokens;
    }

    /// <summary>Tokens of the beginning of a completion.</summary>
    public int Length(Row row, EncodedPrompt prompt, string beginning) => Continue(row, prompt, beginning).Count();

    /// <summary>True for a token that ends a completion.</summary>
    public bool EndsText(int token) => tokenizer.EndOfTextIds.Contains(token);

    /// <summary>Where the text of each token of a completion begins, in UTF-16 units, [T].</summary>
    public IReadOnlyList<int> Offsets(IReadOnlyList<int> completion)
    {
        var decoder = tokenizer.CreateStreamDecoder();
        var offsets = new int[completion.Count];
        for (var (t, length) = (0, 0); t < offsets.Length; t++)
        {
            offsets[t] = length;
            length += decoder.Append(completion[t]).Length;
        }

        return offsets;
    }

    /// <summary>A row that cannot be trained on.</summary>
    public static TrainingException Unusable(Row row, string what, string remedy) =>
        new(TrainingFault.RowUnusable, $"Row {row.Index}: {what}.", remedy);

    private (string Text, int[] Tokens) Encode(Row row)
    {
        try
        {
            var tokens = tokenizer.EncodePrompt(row.Prompt, row.Messages, out var text, row.Tools);
            return (text, tokens);
        }
        catch (TrainingException fault)
        {
            throw new TrainingException(fault.Fault, $"Row {row.Index}: {fault.Message}.", fault.Remedy, fault); // the tokenizer knows no row
        }
    }

    /// <summary>
    /// A text encoded alone may begin otherwise than in the middle of one (sentencepiece puts a space before it), so the
    /// whole is encoded; where the seam is inside a token, the completion is encoded alone.
    /// </summary>
    private IEnumerable<int> Continue(Row row, EncodedPrompt prompt, string completion)
    {
        var whole = tokenizer.Encode(prompt.Text + completion, addSpecialTokens: row.Messages is null);
        return whole.AsSpan().StartsWith(prompt.Tokens)
            ? whole.Skip(prompt.Tokens.Length)
            : tokenizer.Encode(completion, addSpecialTokens: false);
    }
}
